-- The takes of all spoken lines of a voice, in script order.
--
-- ARGV[2..3]  submission, key of the voice
-- answer      'ok', the takes
-- costs       O(lines of the voice)

if tend() then return { 'again' } end
local n = number_of(ARGV[2])
local v = n and call('HGET', sub_key(n, ':keys'), ARGV[3])
local answer = { 'ok' }
if v then
  for _, place in ipairs(call('ZRANGE', sub_key(n, ':of:' .. v), 0, -1)) do
    local take = call('HGET', sub_key(n, ':take'), tonumber(place))
    if take then answer[#answer + 1] = take end
  end
end
return answer
