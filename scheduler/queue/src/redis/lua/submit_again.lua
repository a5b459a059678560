-- Sets a submission that is there going again, and makes it the current one of its episode.
--
-- ARGV[2]  name of the submission
-- answer   'ok', lines set going again, lines of others cancelled in its favour; 'none' when there is
--          none of that name
-- costs    O(its lines + lines of the others, * log n)

if tend() then return { 'again' } end
local n = number_of(ARGV[2])
if not n then return { 'none' } end
local revived = revive(n, '', '')
local episode = call('HGET', sub_key(n, ''), 'episode')
local turn = tonumber(call('ZSCORE', P .. 'turns', n))
for _, other in ipairs(call('SMEMBERS', P .. 'episode:' .. episode)) do
  if tonumber(call('ZSCORE', P .. 'turns', other)) > turn then
    turn = call('INCR', P .. 'turn')
    call('ZADD', P .. 'turns', turn, n)
    break
  end
end
return { 'ok', tostring(revived), tostring(supersede(n, ARGV[2], episode)) }
