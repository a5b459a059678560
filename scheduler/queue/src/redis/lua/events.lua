-- Events above a number, oldest first, but those of submissions that were forgotten.
--
-- ARGV[2..3]  the number, at most how many
-- answer      'ok', then a list for each: number, when, submission, line, stage, state, worker, what,
--             detail; '' for what is not there
-- costs       O(events told + events of forgotten submissions between them)

if tend() then return { 'again' } end
local after, most = ARGV[2], tonumber(ARGV[3])
local answer, names = { 'ok' }, {}
while #answer - 1 < most do
  local step = math.min(most, 1000)
  local read = call('XRANGE', P .. 'events', '(' .. after .. '-0', '+', 'COUNT', step)
  for _, entry in ipairs(read) do
    after = string.match(entry[1], '^%d+')
    local told = event_of(after, entry[2], names)
    if told and #answer - 1 < most then answer[#answer + 1] = told end
  end
  if #read < step then break end
end
return answer
