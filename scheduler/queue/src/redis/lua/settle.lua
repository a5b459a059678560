-- Records what became of one line of a lease.
--
-- ARGV[2..4]  lease, line, what became of it: 'spoken', 'mastered', 'retry', 'reject' or 'quit'
-- ARGV[5]     the take, delivery or failure as JSON
-- ARGV[6..7]  spoken: length of the take and time spent, in ms; failed: the failure's sentence
-- answer      'held' or 'refused'
-- costs       O(log n); the last line of a voice adds its groups

if tend() then return { 'again' } end
local lease = lease_of(ARGV[2])
heard(lease)
local place = lease and call('HGET', P .. 'lease:' .. ARGV[2] .. ':lines', ARGV[3])
if not place then return { 'refused' } end
local n, line, what, body = lease.n, line_of(lease.n, place), ARGV[4], ARGV[5]

local function spoken()
  if line.stage ~= SPEAK then return false end
  -- One that was not started was found in the store.
  if line.started then
    worked(line.worker, 'spoken', 1, now)
    worked(line.worker, 'audio', tonumber(ARGV[6]), now)
  end
  call('HSET', sub_key(n, ':take'), line.place, body)
  move(line, MASTER, HELD)
  count(n, 'audio', tonumber(ARGV[6]))
  count(n, 'synth', tonumber(ARGV[7]))
  event(n, line, 'spoken')
  return true
end

local function mastered()
  if line.stage ~= MASTER then return false end
  worked(line.worker, 'mastered', 1, now)
  move(line, MASTER, DONE)
  call('HDEL', sub_key(n, ':failure'), line.place)
  call('HSET', sub_key(n, ':delivery'), line.place, body)
  event(n, line, 'mastered')
  return true
end

local function failed()
  worked(line.worker, 'failed', 1, now)
  note_failure(line, body)
  local said = what == 'quit' and 'released' or 'failed'
  if what == 'quit' then
    mark_unfit(line)
    if line.started then line.attempts = math.max(line.attempts - 1, 0) end
    move(line, line.stage, WAITING)
  elseif what == 'reject' then
    move(line, line.stage, FAILED)
  else
    -- A failure before the start costs an attempt too, or it would go on for ever.
    if not line.started then line.attempts = line.attempts + 1 end
    mark_unfit(line)
    if line.attempts < most_attempts(n) then
      line.due = now + math.min(1000 * 2 ^ math.min(math.max(line.attempts - 1, 0), 16), 300000)
      move(line, line.stage, DELAYED)
      said = 'retrying'
    else
      move(line, line.stage, FAILED)
    end
  end
  event(n, line, said, ARGV[6])
  return true
end

local settle = { spoken = spoken, mastered = mastered, retry = failed, reject = failed, quit = failed }
if not settle[what]() then return { 'refused' } end
flush()
end_if_empty(lease.id)
return { 'held' }
