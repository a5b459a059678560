-- What follows from the time: ended leases, passed back-offs. At most so many at once; a call that
-- finds more answers 'again' and is made again.

local LEASES_AT_ONCE, LINES_AT_ONCE, DELAYED_AT_ONCE = 20, 300, 200

local function lease_of(id)
  local read = call('HMGET', P .. 'lease:' .. id, 'n', 'worker', 'stage', 'key')
  if not read[1] then return nil end
  return { id = id, n = read[1], worker = read[2], stage = tonumber(read[3]), key = read[4] }
end

-- Counts for how long a worker held leases, once it holds none any more; the last ended `at`.
local function count_busy(worker, at)
  if call('EXISTS', P .. 'w:' .. worker .. ':leases') == 1 then return end
  local since = tonumber(call('HGET', P .. 'busy', worker) or '')
  if not since then return end
  call('HDEL', P .. 'busy', worker)
  since = math.max(since, at - WORK_KEPT_S * 1000)
  while since < at do
    local ends = math.min(since - since % HOUR_MS + HOUR_MS, at)
    worked(worker, 'busy', ends - since, since)
    since = ends
  end
end

-- Ends a lease, at the latest when it was to end.
local function end_lease(lease)
  local ends = tonumber(call('ZSCORE', P .. 'leases', lease.id) or now)
  call('ZREM', P .. 'leases', lease.id)
  call('SREM', P .. 'w:' .. lease.worker .. ':leases', lease.id)
  count_busy(lease.worker, math.min(now, ends))
  call('DEL', P .. 'lease:' .. lease.id, P .. 'lease:' .. lease.id .. ':lines',
    P .. 'lease:' .. lease.id .. ':gone')
  if lease.stage == SPEAK then
    local holders = P .. 'hold:' .. lease.key
    if call('HINCRBY', holders, lease.worker, -1) <= 0 then call('HDEL', holders, lease.worker) end
  end
end

local function end_if_empty(id)
  if call('EXISTS', P .. 'lease:' .. id .. ':lines') == 0 then
    local lease = lease_of(id)
    if lease then end_lease(lease) end
  end
end

-- Places of the lines that a lease still holds, in script order.
local function held_by(id)
  local places = {}
  for i, place in ipairs(call('HVALS', P .. 'lease:' .. id .. ':lines')) do
    places[i] = tonumber(place)
  end
  table.sort(places)
  return places
end

-- Notes that the worker of a lease is alive.
local function heard(lease)
  if lease and call('ZSCORE', P .. 'seen', lease.worker) then
    call('ZADD', P .. 'seen', now, lease.worker)
  end
end

-- Gives back what a lease holds, uncharged, and ends it; says how many lines that were.
local function release(lease)
  local places = held_by(lease.id)
  for _, place in ipairs(places) do
    local line = line_of(lease.n, place)
    if line.started then line.attempts = math.max(line.attempts - 1, 0) end
    move(line, line.stage, WAITING)
    event(lease.n, line, 'released')
  end
  end_lease(lease)
  return #places
end

-- Takes back what is left of a lease whose worker fell silent: the lines that it had started stay
-- charged, and those out of attempts are given up on. Says how many lines that were.
local function expire(id)
  local lease = lease_of(id)
  if not lease then return call('ZREM', P .. 'leases', id) end
  local places = held_by(id)
  for _, place in ipairs(places) do
    local line = line_of(lease.n, place)
    if line.started then
      local message = 'worker ' .. line.worker .. ' fell silent while it had this line, which was attempt '
        .. line.attempts .. ': look into its log, and retry the line once the cause is gone'
      mark_unfit(line)
      worked(line.worker, 'failed', 1, now)
      note_failure(line, cjson.encode({ verdict = 'retry', kind = 'crash', message = message }))
      if line.attempts < most_attempts(lease.n) then
        move(line, line.stage, WAITING)
        event(lease.n, line, 'expired', message)
      else
        move(line, line.stage, FAILED)
        event(lease.n, line, 'failed', message)
      end
    else
      move(line, line.stage, WAITING)
      event(lease.n, line, 'expired')
    end
  end
  end_lease(lease)
  return #places
end

-- Brings the queue up to the present; says whether more is to be done first.
local function tend()
  local ended = call('ZRANGEBYSCORE', P .. 'leases', '-inf', now, 'LIMIT', 0, LEASES_AT_ONCE)
  local moved = 0
  for _, id in ipairs(ended) do
    if moved < LINES_AT_ONCE then moved = moved + expire(id) end
  end
  local due = call('ZRANGEBYSCORE', P .. 'delayed', '-inf', now, 'LIMIT', 0, DELAYED_AT_ONCE)
  for _, mark in ipairs(due) do
    local n, place = string.match(mark, '^(%d+):(%d+)$')
    local line = line_of(n, place)
    move(line, line.stage, WAITING)
  end
  if #ended + #due > 0 then flush() end
  return #ended == LEASES_AT_ONCE or moved >= LINES_AT_ONCE or #due == DELAYED_AT_ONCE
end

-- The number of a submission; nil when there is none of that name.
local function number_of(id) return call('HGET', P .. 'ids', id) or nil end
