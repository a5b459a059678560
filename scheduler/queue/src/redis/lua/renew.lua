-- Extends a lease.
--
-- ARGV[2..3]  lease, its new length in ms
-- answer      'held', its end, then the lines that were taken away from it; or 'lost'
-- costs       O(log n), and O(lines that were taken away)

if tend() then return { 'again' } end
local lease = lease_of(ARGV[2])
if not lease then return { 'lost' } end
heard(lease)
local ends = now + tonumber(ARGV[3])
call('ZADD', P .. 'leases', 'XX', ends, lease.id)
local answer = { 'held', string.format('%d', ends) }
local gone = call('ZRANGE', P .. 'lease:' .. lease.id .. ':gone', 0, -1, 'WITHSCORES')
for i = 1, #gone, 2 do
  local line = line_of(lease.n, gone[i + 1])
  -- One that was set going again since is no longer marked with this lease.
  if line.lease == lease.id and line.state ~= LEASED then answer[#answer + 1] = gone[i] end
end
return answer
