-- Takes a submission without open lines out of sight; `sweep` deletes what it left.
--
-- ARGV[2]  submission
-- answer   'ok', how many lines it had; 'open' when a line of it is not final; 'none' when there is
--          no such submission
-- costs    O(groups of the submission * log n)

if tend() then return { 'again' } end
local n = number_of(ARGV[2])
if not n then return { 'none' } end
local header = sub_key(n, '')
for _, lines in ipairs(call('HMGET', header, 'n00', 'n01', 'n02', 'n10', 'n11', 'n12')) do
  if tonumber(lines or 0) > 0 then return { 'open' } end
end
local read = call('HMGET', header, 'lines', 'episode')
call('HDEL', P .. 'ids', ARGV[2])
call('ZREM', P .. 'turns', n)
call('SREM', P .. 'episode:' .. read[2], n)
call('HSET', P .. 'trash', n, call('HGET', P .. 'trashable', n))
call('HDEL', P .. 'trashable', n)
call('DEL', header)
return { 'ok', read[1] }
