-- The workers heard of within the last hour.
--
-- answer  'ok', then a list for each: name, when it was last heard of, lines it holds, its report ('' for
--         none), '1' when it is ordered to drain
-- costs   O(workers)

local LISTED_MS = 3600000
if tend() then return { 'again' } end
local answer = { 'ok' }
local seen = call('ZRANGEBYSCORE', P .. 'seen', '(' .. (now - LISTED_MS), '+inf', 'WITHSCORES')
for i = 1, #seen, 2 do
  local read = call('HMGET', P .. 'w:' .. seen[i], 'report', 'reported', 'drain')
  local is_told = read[1] and tonumber(read[2]) > now - LISTED_MS
  answer[#answer + 1] = { seen[i], string.format('%d', tonumber(seen[i + 1])),
    call('HGET', P .. 'held', seen[i]) or '0', is_told and read[1] or '', read[3] or '0' }
end
return answer
