-- Shared by all functions: the farm's prefix, the time, and what a call counts before it writes it.
--
-- KEYS[1]  the prefix of every key; its hash tag keeps the farm on one node of a cluster
-- ARGV[1]  the time in Unix milliseconds; empty for the server's own

local P = KEYS[1]
local call = redis.call
local now = tonumber(ARGV[1])
if not now then
  local time = call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end

local SPEAK, MASTER = 0, 1
local WAITING, LEASED, DELAYED, HELD, DONE, FAILED, CANCELLED = 0, 1, 2, 3, 4, 5, 6
local LONGEST_STORY, LONGEST_CHRONICLE, KEPT_EVENTS = 60, 200, 100000
local HOUR_MS, WORK_KEPT_S = 3600000, 36 * 24 * 3600

local function sub_key(n, rest) return P .. 's:' .. n .. rest end
local function padded(number) return string.format('%010d', number) end

-- Counters of submissions, voices and shelves that this call changed; `flush` writes them.
local tallies, voices, shelves = {}, {}, {}

local function count(n, field, by)
  local mine = tallies[n]
  if not mine then
    mine = {}
    tallies[n] = mine
  end
  mine[field] = (mine[field] or 0) + by
end

-- A voice of a submission: lines still to be spoken, and lines that wait for that.
local function voice_of(n, v)
  local id = n .. ':' .. v
  local voice = voices[id]
  if not voice then
    local read = call('HMGET', sub_key(n, ':voice'), 'unspoken:' .. v, 'held:' .. v)
    voice = { n = n, v = v, unspoken = tonumber(read[1] or 0), held = tonumber(read[2] or 0) }
    voices[id] = voice
  end
  return voice
end

local function touch_shelf(n, c, stage)
  shelves[n .. ':' .. c .. ':' .. stage] = { n = n, c = c, stage = stage }
end

-- Records that `what` happened to a line, or to submission `n` as a whole: for those who follow, and in
-- the story of the line or the chronicle of the submission, which outlive what is kept of all events.
local function event(n, line, what, detail)
  local number = call('INCR', P .. 'event')
  local story, longest, id, stage, state, worker =
    sub_key(n, ':chronicle'), LONGEST_CHRONICLE, '', '', '', ''
  if line then
    story, longest = sub_key(n, ':story:' .. line.place), LONGEST_STORY
    id, stage, state, worker = line.id, line.stage, line.shown, line.worker
  end
  detail = detail or ''
  local told = string.format('%d|%d|%s|%s|%s|%s|%s', number, now, stage, state, worker, what, detail)
  if call('RPUSH', story, told) > longest then call('LTRIM', story, 0 - longest, -1) end
  call('XADD', P .. 'events', 'MAXLEN', '~', KEPT_EVENTS, string.format('%d-0', number),
    'n', n, 'at', now, 'line', id, 'stage', stage, 'state', state, 'worker', worker,
    'what', what, 'detail', detail)
end

-- Counts what a worker did, in the hour of `at`.
local function worked(worker, what, by, at)
  local key = P .. 'work:' .. string.format('%d', at - at % HOUR_MS)
  call('HINCRBY', key, what .. '|' .. worker, by)
  call('EXPIRE', key, WORK_KEPT_S)
end

-- Where a shelf is offered: to anyone when to be mastered, to those with its engine otherwise.
local function cluster_of(n, c)
  local text = call('HGET', sub_key(n, ':clusters'), c)
  local v, key, engine = string.match(text, '^(%d+)|(%x+)|(.*)$')
  return v, key, engine
end

-- Offers a shelf to workers, or takes it back, by whether it has lines and its gate is open.
local function sync_shelf(n, c, stage, header)
  local v, key, engine = cluster_of(n, c)
  local bucket = stage == MASTER and 'm' or 'e:' .. engine
  local offered = P .. 'ready:' .. header.priority .. '|' .. bucket
  local by_audio, by_age = sub_key(n, ':q:' .. bucket), sub_key(n, ':since:' .. bucket)
  local member = padded(c)
  local mark = string.format('%s|%d|%d|%s', header.priority, n, c, bucket)
  local has = call('ZCARD', sub_key(n, ':w:' .. c .. ':' .. stage)) > 0
    and header.paused ~= '1'
    and (stage == SPEAK or voice_of(n, v).unspoken == 0)
  if has then
    local ms = tonumber(call('HGET', sub_key(n, ':shelf'), c .. ':' .. stage) or 0)
    call('ZADD', by_audio, 0 - ms, member)
    if call('ZADD', by_age, 'NX', now, member) == 1 then
      call('HSET', P .. 'ready', header.priority .. '|' .. bucket, 1)
      call('ZADD', offered, header.load, padded(n))
      if stage == SPEAK then call('ZADD', P .. 'g:' .. key, n, mark) end
    end
  elseif call('ZREM', by_age, member) == 1 then
    call('ZREM', by_audio, member)
    if stage == SPEAK then call('ZREM', P .. 'g:' .. key, mark) end
    if call('EXISTS', by_age) == 0 then
      call('ZREM', offered, padded(n))
      if call('EXISTS', offered) == 0 then
        call('HDEL', P .. 'ready', header.priority .. '|' .. bucket)
      end
    end
  end
end

-- What the order of claims needs of a submission.
local function header_of(n)
  local read = call('HMGET', sub_key(n, ''), 'priority', 'paused', 'leased', 'shares', 'buckets')
  local shares = math.min(math.max(tonumber(read[4]), 1), 100)
  return {
    priority = read[1],
    paused = read[2],
    load = math.floor(tonumber(read[3] or 0) * 1000 / shares),
    buckets = read[5],
  }
end

-- Writes what the call counted: opens gates, offers shelves, and says how much is under lease.
local function flush()
  for _, voice in pairs(voices) do
    local n, v = voice.n, voice.v
    if voice.unspoken == 0 and voice.held > 0 then
      event(n, nil, 'voice complete', call('HGET', sub_key(n, ':voice'), 'name:' .. v))
      call('HSET', sub_key(n, ':voice'), 'gate:' .. v, now)
      count(n, 'none', 0)
      voice.held = 0
    end
    if voice.is_changed then
      local clusters = call('HGET', sub_key(n, ':voice'), 'clusters:' .. v)
      for c in string.gmatch(clusters, '%d+') do touch_shelf(n, tonumber(c), MASTER) end
      call('HSET', sub_key(n, ':voice'), 'unspoken:' .. v, voice.unspoken, 'held:' .. v, voice.held)
    end
  end
  local headers = {}
  for n, fields in pairs(tallies) do
    local leased = fields.leased
    fields.none = nil
    for field, by in pairs(fields) do
      if by ~= 0 then call('HINCRBY', sub_key(n, ''), field, by) end
    end
    call('HSET', sub_key(n, ''), 'changed', now)
    headers[n] = header_of(n)
    if leased and leased ~= 0 then
      for bucket in string.gmatch(headers[n].buckets, '[^\n]+') do
        local offered = P .. 'ready:' .. headers[n].priority .. '|' .. bucket
        call('ZADD', offered, 'XX', headers[n].load, padded(n))
      end
    end
  end
  for _, shelf in pairs(shelves) do
    headers[shelf.n] = headers[shelf.n] or header_of(shelf.n)
    sync_shelf(shelf.n, shelf.c, shelf.stage, headers[shelf.n])
  end
  tallies, voices, shelves = {}, {}, {}
end
