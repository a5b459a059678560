-- Orders a worker to drain, or takes the order back.
--
-- ARGV[2..3]  worker, '1' or '0'
-- answer      'ok'; or 'unknown', then the workers heard of within the last hour
-- costs       O(log workers)

local LISTED_MS = 3600000
local seen = tonumber(call('ZSCORE', P .. 'seen', ARGV[2]) or 0)
if seen <= now - LISTED_MS then
  local answer = { 'unknown' }
  for _, name in ipairs(call('ZRANGEBYSCORE', P .. 'seen', '(' .. (now - LISTED_MS), '+inf')) do
    answer[#answer + 1] = name
  end
  return answer
end
call('HSET', P .. 'w:' .. ARGV[2], 'drain', ARGV[3])
return { 'ok' }
