-- What workers did by the hour.
--
-- ARGV[2]  a time in the first hour that is asked for
-- answer   'ok', the time; a list of worker and since when it holds a lease, by turns; then for each
--          hour a list: when it began, then field and count by turns, the field as WHAT|WORKER
-- costs    O(hours + workers)

if tend() then return { 'again' } end
local since = math.max(tonumber(ARGV[2]), now - WORK_KEPT_S * 1000)
local answer = { 'ok', string.format('%d', now), call('HGETALL', P .. 'busy') }
for hour = since - since % HOUR_MS, now, HOUR_MS do
  local counts = call('HGETALL', P .. 'work:' .. string.format('%d', hour))
  if #counts > 0 then
    table.insert(counts, 1, string.format('%d', hour))
    answer[#answer + 1] = counts
  end
end
return answer
