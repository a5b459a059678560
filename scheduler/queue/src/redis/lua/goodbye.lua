-- Strikes out a worker that ended by itself, unless another goes by its name since.
--
-- ARGV[2..3]  worker, instance
-- answer      'ok'
-- costs       O(lines it still held * log n)

if tend() then return { 'again' } end
local card = P .. 'w:' .. ARGV[2]
local instance = call('HGET', card, 'instance')
if instance and instance ~= ARGV[3] then return { 'ok' } end
if call('ZREM', P .. 'seen', ARGV[2]) == 0 then return { 'ok' } end
for _, id in ipairs(call('SMEMBERS', card .. ':leases')) do
  local lease = lease_of(id)
  if lease then release(lease) end
end
flush()
call('DEL', card)
return { 'ok' }
