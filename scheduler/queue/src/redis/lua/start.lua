-- Charges a line an attempt, once a lease.
--
-- ARGV[2..3]  lease, line
-- answer      'held' or 'refused'
-- costs       O(log n)

if tend() then return { 'again' } end
local lease = lease_of(ARGV[2])
heard(lease)
local place = lease and call('HGET', P .. 'lease:' .. ARGV[2] .. ':lines', ARGV[3])
if not place then return { 'refused' } end
local line = line_of(lease.n, place)
if not line.started then
  line.attempts = line.attempts + 1
  call('HSET', line_key(lease.n, place), 'started', 1, 'attempts', line.attempts, 'at', now)
  call('HSET', sub_key(lease.n, ''), 'changed', now)
  event(lease.n, line, 'started')
end
return { 'held' }
