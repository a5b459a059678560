-- Pauses or resumes a submission. Time spent paused does not count as being passed over.
--
-- ARGV[2..3]  submission, '1' to pause or '0' to resume
-- answer      'ok'; 'none' when there is no such submission
-- costs       O(groups of the submission * log n)

if tend() then return { 'again' } end
local n = number_of(ARGV[2])
if not n then return { 'none' } end
local header = call('HMGET', sub_key(n, ''), 'paused')
if (header[1] or '0') == ARGV[3] then return { 'ok' } end
call('HSET', sub_key(n, ''), 'paused', ARGV[3], 'changed', now)
for c = 0, call('HLEN', sub_key(n, ':clusters')) - 1 do
  touch_shelf(n, c, SPEAK)
  touch_shelf(n, c, MASTER)
end
event(n, nil, ARGV[3] == '1' and 'paused' or 'resumed')
flush()
return { 'ok' }
