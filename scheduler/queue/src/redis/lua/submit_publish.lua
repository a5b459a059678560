-- Makes a staged submission the current one of its episode, and cancels what is open of the others.
--
-- ARGV[2]      number of the submission
-- ARGV[3..10]  name, episode, title, priority, most attempts, shares, mastering, the whole as JSON
-- ARGV[11..12] lines in all, audio of the takes it came with in ms
-- ARGV[13..16] to be spoken: lines, ms; to be mastered: lines, ms
-- ARGV[17]     how many voices; for each follow key, name, body, lines to be spoken, lines with takes,
--              its groups divided by commas
-- then         how many groups; for each follow voice, key, engine, ms to be spoken, ms to be mastered
-- last         the trace ('' for none)
-- answer       'ok', lines cancelled in favour of this one; 'there' when one of that name was
--              published meanwhile, or 'gone' when the staging was given up on: nothing is published
-- costs        O(voices + groups), and O(lines of the others * log n)

if tend() then return { 'again' } end
local n, id, episode = ARGV[2], ARGV[3], ARGV[4]
if not call('ZSCORE', P .. 'staging', n) then return { 'gone' } end
local staged = call('HGET', P .. 'staged', n)
call('ZREM', P .. 'staging', n)
call('HDEL', P .. 'staged', n)
if number_of(id) then
  call('HSET', P .. 'trash', n, staged)
  return { 'there' }
end

local at = 17
for v = 0, tonumber(ARGV[at]) - 1 do
  local key, name, body, unspoken, held, clusters = ARGV[at + 1], ARGV[at + 2], ARGV[at + 3],
    ARGV[at + 4], ARGV[at + 5], ARGV[at + 6]
  call('HSET', sub_key(n, ':voices'), v, body)
  call('HSET', sub_key(n, ':keys'), key, v)
  call('HSET', sub_key(n, ':voice'), 'name:' .. v, name, 'unspoken:' .. v, unspoken,
    'held:' .. v, held, 'clusters:' .. v, clusters)
  voice_of(n, tostring(v)).is_changed = true
  at = at + 6
end
at = at + 1
local buckets, has = 'm', {}
for c = 0, tonumber(ARGV[at]) - 1 do
  local v, key, engine = ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
  call('HSET', sub_key(n, ':clusters'), c, v .. '|' .. key .. '|' .. engine)
  call('HSET', sub_key(n, ':shelf'), c .. ':' .. SPEAK, ARGV[at + 4], c .. ':' .. MASTER, ARGV[at + 5])
  if not has[engine] then buckets, has[engine] = buckets .. '\ne:' .. engine, true end
  touch_shelf(n, c, SPEAK)
  at = at + 5
end
call('HSET', sub_key(n, ''), 'id', id, 'episode', episode, 'title', ARGV[5], 'priority', ARGV[6],
  'max_attempts', ARGV[7], 'shares', ARGV[8], 'mastering', ARGV[9], 'lines', ARGV[11],
  'audio', ARGV[12], 'n00', ARGV[13], 'm00', ARGV[14], 'n10', ARGV[15], 'm10', ARGV[16],
  'submitted', now, 'changed', now, 'buckets', buckets)
if ARGV[at + 1] ~= '' then call('HSET', sub_key(n, ''), 'trace', ARGV[at + 1]) end
call('SET', sub_key(n, ':request'), ARGV[10])
call('HSET', P .. 'ids', id, n)
call('HSET', P .. 'trashable', n, staged)
call('ZADD', P .. 'turns', call('INCR', P .. 'turn'), n)
call('SADD', P .. 'episode:' .. episode, n)
event(n, nil, 'submitted')
flush()
return { 'ok', tostring(supersede(n, id, episode)) }
