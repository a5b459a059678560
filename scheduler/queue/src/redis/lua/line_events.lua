-- The last events of one line, oldest first.
--
-- ARGV[2..3]  submission, line
-- answer      'ok', then a list for each as `events` tells them; 'none' when there is no such
--             submission
-- costs       O(60 log n)

if tend() then return { 'again' } end
local n = number_of(ARGV[2])
if not n then return { 'none' } end
local place = call('HGET', sub_key(n, ':ids'), ARGV[3])
local story = place and call('HGET', sub_key(n, ':story'), place) or ''
local numbers, names, answer = {}, {}, { 'ok' }
for number in string.gmatch(story, '%d+') do numbers[#numbers + 1] = number end
for i = math.max(#numbers - LONGEST_STORY, 0) + 1, #numbers do
  local entry = call('XRANGE', P .. 'events', numbers[i] .. '-0', numbers[i] .. '-0')[1]
  if entry then answer[#answer + 1] = event_of(numbers[i], entry[2], names) end
end
return answer
