-- Gives back what is left of a lease, uncharged, and ends it.
--
-- ARGV[2]  lease
-- answer   'ok', how many lines that were
-- costs    O(lines of the lease * log n)

if tend() then return { 'again' } end
local lease = lease_of(ARGV[2])
if not lease then return { 'ok', '0' } end
heard(lease)
local released = release(lease)
flush()
return { 'ok', tostring(released) }
