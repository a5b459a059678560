-- Takes down what a worker says of itself.
--
-- ARGV[2..5]  worker, instance, host, the whole as JSON
-- answer      'ok', '1' when it is ordered to drain, else '0'; or 'taken', host of the other instance
-- costs       O(log workers)

local TAKEN_MS = 60000
if tend() then return { 'again' } end
local card = P .. 'w:' .. ARGV[2]
local read = call('HMGET', card, 'instance', 'reported', 'host', 'drain')
local is_other = read[1] and read[1] ~= ARGV[3]
-- On one machine the later instance is the one that a service manager started after a crash.
local is_later = is_other and read[3] == ARGV[4] and ARGV[3] > read[1]
if is_other and not is_later and now - tonumber(read[2]) < TAKEN_MS then
  return { 'taken', read[3] }
end
-- An order to drain is for the instance that it was given to.
local drain = not is_other and read[4] == '1' and '1' or '0'
call('HSET', card, 'instance', ARGV[3], 'reported', now, 'host', ARGV[4], 'report', ARGV[5],
  'drain', drain)
call('ZADD', P .. 'seen', now, ARGV[2])
return { 'ok', drain }
