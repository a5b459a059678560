-- Makes room for the lines of a new submission. What is staged there is seen by nobody.
--
-- ARGV[2]     name of the submission
-- ARGV[3..5]  how many lines, voices and groups it has
-- answer      'new', its number; or 'there' when there is one of that name
-- costs       O(1)

local STALE_MS = 3600000

-- What was staged and never published is left to `sweep`: whoever staged it is gone.
for _, n in ipairs(call('ZRANGEBYSCORE', P .. 'staging', '-inf', now - STALE_MS, 'LIMIT', 0, 10)) do
  call('ZREM', P .. 'staging', n)
  call('HSET', P .. 'trash', n, call('HGET', P .. 'staged', n))
  call('HDEL', P .. 'staged', n)
end
if number_of(ARGV[2]) then return { 'there' } end
local n = string.format('%d', call('INCR', P .. 'number'))
call('ZADD', P .. 'staging', now, n)
call('HSET', P .. 'staged', n, '0 ' .. ARGV[3] .. ' ' .. ARGV[4] .. ' ' .. ARGV[5])
return { 'new', n }
