-- How far submissions are.
--
-- ARGV[2..3]  'one' and its name; 'episode' and its name; or 'all' and ''
-- answer      'ok', the time, then for each submission its turn and the fields of its header, as one list
-- costs       O(submissions told)

if tend() then return { 'again' } end
local numbers = {}
if ARGV[2] == 'one' then
  numbers[1] = number_of(ARGV[3])
elseif ARGV[2] == 'episode' then
  numbers = call('SMEMBERS', P .. 'episode:' .. ARGV[3])
else
  numbers = call('ZREVRANGE', P .. 'turns', 0, -1)
end
local answer = { 'ok', string.format('%d', now) }
for _, n in ipairs(numbers) do
  local fields = call('HGETALL', sub_key(n, ''))
  fields[#fields + 1] = 'turn'
  fields[#fields + 1] = call('ZSCORE', P .. 'turns', n)
  answer[#answer + 1] = fields
end
return answer
