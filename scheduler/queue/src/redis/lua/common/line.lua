-- How a line moves. The table of moves is the same as for a file: whoever calls `move` has made sure
-- that the line stands where the move begins.

local function line_key(n, place) return sub_key(n, ':l:' .. place) end

-- What decides how a line moves; nil when there is none.
local function line_of(n, place)
  local read = call('HMGET', line_key(n, place), 'id', 'cluster', 'voice', 'ms', 'stage', 'state',
    'attempts', 'lease', 'started', 'worker', 'unfit')
  if not read[1] then return nil end
  local line = {
    n = n, place = tonumber(place), id = read[1], cluster = read[2], voice = read[3],
    ms = tonumber(read[4]), stage = tonumber(read[5]), state = tonumber(read[6]),
    attempts = tonumber(read[7] or 0), lease = read[8] or '', started = read[9] == '1',
    worker = read[10] or '', unfit = read[11] or '',
  }
  line.shown = line.state
  if line.stage == MASTER and line.state == WAITING and voice_of(n, line.voice).unspoken > 0 then
    line.shown = HELD
  end
  return line
end

local function shelf_key(line) return sub_key(line.n, ':w:' .. line.cluster .. ':' .. line.stage) end

local function is_unspoken(line)
  return line.stage == SPEAK and (line.state == WAITING or line.state == LEASED or line.state == DELAYED)
end

-- Takes a line out of the lists and counters of where it stands. One that is taken away from its
-- lease stays marked with it, so that a renewal can tell.
local function leave(line)
  local n, voice = line.n, voice_of(line.n, line.voice)
  count(n, 'n' .. line.stage .. line.state, -1)
  count(n, 'm' .. line.stage .. line.state, 0 - line.ms)
  if is_unspoken(line) then voice.unspoken, voice.is_changed = voice.unspoken - 1, true end
  if line.state == WAITING then
    call('ZREM', shelf_key(line), padded(line.place))
    call('HINCRBY', sub_key(n, ':shelf'), line.cluster .. ':' .. line.stage, 0 - line.ms)
    touch_shelf(n, line.cluster, line.stage)
    if line.stage == MASTER and voice.held > 0 then
      voice.held, voice.is_changed = voice.held - 1, true
    end
  elseif line.state == LEASED then
    count(n, 'leased', 0 - line.ms)
    call('HDEL', P .. 'lease:' .. line.lease .. ':lines', line.id)
    if call('HINCRBY', P .. 'held', line.worker, -1) <= 0 then call('HDEL', P .. 'held', line.worker) end
  elseif line.state == DELAYED then
    call('ZREM', P .. 'delayed', n .. ':' .. line.place)
  end
end

-- Puts a line into the lists and counters of where it stands now.
local function enter(line)
  local n, voice = line.n, voice_of(line.n, line.voice)
  count(n, 'n' .. line.stage .. line.state, 1)
  count(n, 'm' .. line.stage .. line.state, line.ms)
  if is_unspoken(line) then voice.unspoken, voice.is_changed = voice.unspoken + 1, true end
  if line.state == WAITING then
    local score = line.stage == SPEAK and line.ms or line.place
    call('ZADD', shelf_key(line), score, padded(line.place))
    call('HINCRBY', sub_key(n, ':shelf'), line.cluster .. ':' .. line.stage, line.ms)
    touch_shelf(n, line.cluster, line.stage)
  elseif line.state == LEASED then
    count(n, 'leased', line.ms)
    call('HSET', P .. 'lease:' .. line.lease .. ':lines', line.id, line.place)
    call('HINCRBY', P .. 'held', line.worker, 1)
  elseif line.state == DELAYED then
    call('ZADD', P .. 'delayed', line.due, n .. ':' .. line.place)
  end
end

-- Moves a line to `stage` and `state`; HELD is to wait for its voice. `how.fresh`: it has made no
-- attempts there and every worker may take it. `how.marked`: it stays marked with its lease.
local function move(line, stage, state, how)
  how = how or {}
  leave(line)
  line.shown = state
  if state == HELD then
    local voice = voice_of(line.n, line.voice)
    voice.held, voice.is_changed = voice.held + 1, true
    state = WAITING
  end
  if how.fresh or stage ~= line.stage then
    line.attempts, line.unfit = 0, ''
    call('HDEL', sub_key(line.n, ':delivery'), line.place)
    call('HDEL', sub_key(line.n, ':failure'), line.place)
  end
  if state ~= LEASED then
    line.started = false
    if how.marked and line.state == LEASED then
      call('ZADD', P .. 'lease:' .. line.lease .. ':gone', line.place, line.id)
    elseif not how.marked then
      line.lease = ''
    end
  end
  line.stage, line.state = stage, state
  enter(line)
  call('HSET', line_key(line.n, line.place), 'stage', stage, 'state', state,
    'attempts', line.attempts, 'lease', line.lease, 'started', line.started and 1 or 0,
    'worker', line.worker, 'unfit', line.unfit, 'at', now)
end

-- Notes that a line failed on the worker that has it.
local function mark_unfit(line)
  if not string.find(',' .. line.unfit, ',' .. line.worker .. ',', 1, true) then
    line.unfit = line.unfit .. line.worker .. ','
  end
end

local function note_failure(line, failure)
  call('HSET', sub_key(line.n, ':failure'), line.place, failure)
end

local function most_attempts(n)
  return math.max(tonumber(call('HGET', sub_key(n, ''), 'max_attempts')), 1)
end
