-- Deletes some of what forgotten submissions and abandoned stagings left.
--
-- answer  'more' or 'ok'
-- costs   O(500 lines), and O(groups) at the end of each submission

local AT_ONCE = 500
local n = call('HRANDFIELD', P .. 'trash')
if not n then return { 'ok' } end
local from, lines, of_voices, of_clusters =
  string.match(call('HGET', P .. 'trash', n), '^(%d+) (%d+) (%d+) (%d+)$')
from, lines = tonumber(from), tonumber(lines)
for place = from, math.min(from + AT_ONCE, lines) - 1 do
  call('DEL', line_key(n, place), sub_key(n, ':story:' .. place))
end
if from + AT_ONCE < lines then
  call('HSET', P .. 'trash', n,
    string.format('%d %d %s %s', from + AT_ONCE, lines, of_voices, of_clusters))
  return { 'more' }
end
local engines = {}
for c = 0, tonumber(of_clusters) - 1 do
  local text = call('HGET', sub_key(n, ':clusters'), c)
  if text then engines[string.match(text, '^%d+|%x+|(.*)$')] = true end
  call('UNLINK', sub_key(n, ':w:' .. c .. ':0'), sub_key(n, ':w:' .. c .. ':1'))
end
for v = 0, tonumber(of_voices) - 1 do call('UNLINK', sub_key(n, ':of:' .. v)) end
for engine in pairs(engines) do
  call('UNLINK', sub_key(n, ':q:e:' .. engine), sub_key(n, ':since:e:' .. engine))
end
for _, rest in ipairs({ ':q:m', ':since:m', ':request', ':ids', ':job', ':take', ':delivery', ':failure',
  ':chronicle', ':voices', ':keys', ':voice', ':clusters', ':shelf' }) do
  call('UNLINK', sub_key(n, rest))
end
call('HDEL', P .. 'trash', n)
return { call('EXISTS', P .. 'trash') == 1 and 'more' or 'ok' }
