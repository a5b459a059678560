-- The story of one line, oldest first: its own events, and those of its submission as a whole that
-- concern it.
--
-- ARGV[2..3]  submission, line
-- answer      'ok', then a list for each as `events` tells them; 'none' when there is no such
--             submission
-- costs       O(260)

if tend() then return { 'again' } end
local n = number_of(ARGV[2])
if not n then return { 'none' } end
local place = call('HGET', sub_key(n, ':ids'), ARGV[3])
if not place then return { 'ok' } end
local voice = call('HGET', sub_key(n, ':voice'), 'name:' .. call('HGET', line_key(n, place), 'voice'))
local told = {}

local function tell(key, line)
  for _, text in ipairs(call('LRANGE', key, 0, -1)) do
    local number, at, stage, state, worker, what, detail =
      string.match(text, '^(%d+)|(%d+)|(%d*)|(%d*)|([^|]*)|([^|]*)|(.*)$')
    if line ~= '' or what ~= 'voice complete' or detail == voice then
      told[#told + 1] = { number, at, ARGV[2], line, stage, state, worker, what, detail }
    end
  end
end

tell(sub_key(n, ':story:' .. place), ARGV[3])
tell(sub_key(n, ':chronicle'), '')
table.sort(told, function(a, b) return tonumber(a[1]) < tonumber(b[1]) end)
return { 'ok', unpack(told) }
