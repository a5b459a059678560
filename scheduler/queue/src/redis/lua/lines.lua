-- Some lines of a submission, in script order.
--
-- ARGV[2..4]  submission, the first place, how many
-- answer      'ok', how many lines there are in all, then a list for each: place, job, stage, state,
--             attempts, worker, take, delivery, failure, when it last changed; '' for what is not
--             there. Or 'none' when there is no such submission
-- costs       O(lines told)

if tend() then return { 'again' } end
local n = number_of(ARGV[2])
if not n then return { 'none' } end
local lines = tonumber(call('HGET', sub_key(n, ''), 'lines'))
local from = tonumber(ARGV[3])
local answer = { 'ok', tostring(lines) }
for place = from, math.min(from + tonumber(ARGV[4]), lines) - 1 do
  local line = line_of(n, place)
  local at = call('HGET', line_key(n, place), 'at')
  if line.stage == MASTER and line.shown == WAITING then
    local opened = call('HGET', sub_key(n, ':voice'), 'gate:' .. line.voice)
    if tonumber(opened or 0) > tonumber(at) then at = opened end
  end
  answer[#answer + 1] = { tostring(place), call('HGET', sub_key(n, ':job'), place),
    tostring(line.stage), tostring(line.shown), tostring(line.attempts), line.worker,
    call('HGET', sub_key(n, ':take'), place) or '', call('HGET', sub_key(n, ':delivery'), place) or '',
    call('HGET', sub_key(n, ':failure'), place) or '', at }
end
return answer
