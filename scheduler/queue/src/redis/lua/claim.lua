-- Hands out a batch.
--
-- ARGV[2..6]  worker, name of the new lease, its length in ms, most lines, most audio in ms
-- ARGV[7]     how many engines the worker has; they follow, then the groups that are warm, each with
--             a count before it
-- answer      'ok', end of the lease, submission, episode, title, stage, group, voice, mastering,
--             trace ('' for none), and for each line attempts, job, take ('' for none); or 'none'
-- costs       O(log n) for each line handed out, and O(submissions + voices of one) to choose; a
--             worker that has nothing to do reads a few small keys and writes nothing

local worker, lease_id, lease_ms = ARGV[2], ARGV[3], tonumber(ARGV[4])
local most_lines, most_ms = math.max(tonumber(ARGV[5]), 1), tonumber(ARGV[6])
local PASSED_OVER_MS, ALIVE_MS, CARD_MS, FORGOTTEN_MS = 60000, 60000, 5000, 86400000
local AHEAD, MOST_LOOKED_AT = 60000000, 1000

if tend() then return { 'again' } end

local at = 7
local function listed()
  local all = {}
  for i = 1, tonumber(ARGV[at]) do all[i] = ARGV[at + i] end
  at = at + 1 + #all
  return all
end
local engines, warm = listed(), listed()
local spoken = table.concat(engines, '\n')
local card = P .. 'w:' .. worker
local has_greeted = false

-- Writes down that the worker is alive and which engines it has.
local function greet()
  if has_greeted then return end
  has_greeted = true
  call('ZADD', P .. 'seen', now, worker)
  if #engines > 0 then call('HSET', card, 'engines', spoken) end
  local silent = call('ZRANGEBYSCORE', P .. 'seen', '-inf', now - FORGOTTEN_MS, 'LIMIT', 0, 20)
  for _, name in ipairs(silent) do
    call('ZREM', P .. 'seen', name)
    call('DEL', P .. 'w:' .. name)
  end
end

local seen = tonumber(call('ZSCORE', P .. 'seen', worker) or 0)
local known = call('HMGET', card, 'engines', 'drain')
if now - seen >= CARD_MS or (#engines > 0 and known[1] ~= spoken) then greet() end
if known[2] == '1' then return { 'none' } end

-- What of the farm's offers this worker can take: priority -> buckets.
local mine = { 'm' }
for _, engine in ipairs(engines) do mine[#mine + 1] = 'e:' .. engine end
local offers = {}
for _, mark in ipairs(call('HKEYS', P .. 'ready')) do
  local priority, bucket = string.match(mark, '^(%d+)|(.*)$')
  for _, one in ipairs(mine) do
    if one == bucket then
      priority = tonumber(priority)
      offers[priority] = offers[priority] or {}
      table.insert(offers[priority], bucket)
    end
  end
end

-- Whether another worker could take a line of this engine that failed on `unfit`.
local others
local function could_another(line, engine)
  if not others then
    others = {}
    for _, name in ipairs(call('ZRANGEBYSCORE', P .. 'seen', '(' .. (now - ALIVE_MS), '+inf')) do
      if name ~= worker then
        local read = call('HMGET', P .. 'w:' .. name, 'engines', 'drain')
        if read[2] ~= '1' then
          others[#others + 1] = { name = name, engines = '\n' .. (read[1] or '') .. '\n' }
        end
      end
    end
  end
  for _, other in ipairs(others) do
    local is_able = line.stage == MASTER or string.find(other.engines, '\n' .. engine .. '\n', 1, true)
    if is_able and not string.find(',' .. line.unfit, ',' .. other.name .. ',', 1, true) then
      return true
    end
  end
  return false
end

-- The lines of a shelf that the worker takes: at least one if there is one.
local looked_at = 0
local function pick(n, c, stage, engine)
  local picked, audio, from = {}, 0, 0
  local step = math.min(most_lines, 100)
  while #picked < most_lines and looked_at < MOST_LOOKED_AT do
    local places = call('ZRANGE', sub_key(n, ':w:' .. c .. ':' .. stage), from, from + step - 1)
    if #places == 0 then break end
    for _, place in ipairs(places) do
      local line = line_of(n, tonumber(place))
      local is_left = string.find(',' .. line.unfit, ',' .. worker .. ',', 1, true)
        and could_another(line, engine)
      if is_left then
        looked_at = looked_at + 1
      else
        audio = audio + line.ms
        if #picked > 0 and (audio > most_ms or #picked >= most_lines) then return picked end
        picked[#picked + 1] = line
      end
    end
    from = from + step
  end
  return picked
end

-- Puts the picked lines under a new lease and says all that the worker needs to know.
local function hand_out(n, c, stage, v, key, picked)
  greet()
  local ends = now + lease_ms
  call('HSET', P .. 'lease:' .. lease_id, 'n', n, 'worker', worker, 'stage', stage, 'key', key)
  call('ZADD', P .. 'leases', ends, lease_id)
  call('SADD', P .. 'w:' .. worker .. ':leases', lease_id)
  call('HSETNX', P .. 'busy', worker, now)
  if stage == SPEAK then call('HINCRBY', P .. 'hold:' .. key, worker, 1) end
  local shared = call('HMGET', sub_key(n, ''), 'id', 'episode', 'title', 'mastering', 'trace')
  local voice = call('HGET', sub_key(n, ':voices'), v)
  local answer = { 'ok', string.format('%d', ends), shared[1], shared[2], shared[3],
    string.format('%d', stage), key, voice, shared[4], shared[5] or '' }
  for _, line in ipairs(picked) do
    line.lease, line.worker = lease_id, worker
    move(line, stage, LEASED, { marked = true })
    event(n, line, 'claimed')
    answer[#answer + 1] = string.format('%d', line.attempts)
    answer[#answer + 1] = call('HGET', sub_key(n, ':job'), line.place)
    answer[#answer + 1] = stage == MASTER and call('HGET', sub_key(n, ':take'), line.place) or ''
  end
  flush()
  return answer
end

local function try(n, bucket, c)
  c = tonumber(c)
  local v, key, engine = cluster_of(n, c)
  local stage = bucket == 'm' and MASTER or SPEAK
  local picked = pick(n, c, stage, engine)
  if #picked == 0 then return nil end
  local answer = hand_out(n, c, stage, v, key, picked)
  call('ZADD', sub_key(n, ':since:' .. bucket), 'XX', now, padded(c))
  return answer
end

-- Submissions with something in these buckets, the one with the least under lease first.
local function by_load(priority, buckets)
  local all, at_n = {}, {}
  for _, bucket in ipairs(buckets) do
    local offered = call('ZRANGE', P .. 'ready:' .. priority .. '|' .. bucket, 0, -1, 'WITHSCORES')
    for i = 1, #offered, 2 do
      local n = string.format('%d', tonumber(offered[i]))
      if not at_n[n] then
        at_n[n] = { n = n, number = tonumber(n), load = tonumber(offered[i + 1]), buckets = {} }
        all[#all + 1] = at_n[n]
      end
      table.insert(at_n[n].buckets, bucket)
    end
  end
  table.sort(all, function(a, b)
    if a.load ~= b.load then return a.load < b.load end
    return a.number < b.number
  end)
  return all
end

-- The shelves of a submission in some buckets, by what `list` sorts them by and then in script order.
local function shelves_of(one, list, buckets, up_to)
  local all = {}
  for _, bucket in ipairs(buckets) do
    local range = call('ZRANGEBYSCORE', sub_key(one.n, list .. bucket), '-inf', up_to, 'WITHSCORES')
    for i = 1, #range, 2 do
      all[#all + 1] = { bucket = bucket, c = tonumber(range[i]), score = tonumber(range[i + 1]) }
    end
  end
  if #buckets > 1 then
    table.sort(all, function(a, b)
      if a.score ~= b.score then return a.score < b.score end
      if a.c ~= b.c then return a.c < b.c end
      return a.bucket > b.bucket
    end)
  end
  return all
end

local function passed_over(all)
  for _, one in ipairs(all) do
    for _, shelf in ipairs(shelves_of(one, ':since:', one.buckets, now - PASSED_OVER_MS)) do
      local answer = try(one.n, shelf.bucket, shelf.c)
      if answer then return answer end
    end
  end
end

local function to_master(all)
  for _, one in ipairs(all) do
    if one.buckets[1] == 'm' then
      for _, shelf in ipairs(shelves_of(one, ':q:', { 'm' }, '+inf')) do
        local answer = try(one.n, 'm', shelf.c)
        if answer then return answer end
      end
    end
  end
end

local function warm_ones(priority, all)
  local ahead_from, offered = all[1].load + AHEAD, {}
  for _, one in ipairs(all) do
    if one.load <= ahead_from then
      for _, bucket in ipairs(one.buckets) do offered[one.n .. '|' .. bucket] = true end
    end
  end
  for _, key in ipairs(warm) do
    for _, mark in ipairs(call('ZRANGE', P .. 'g:' .. key, 0, -1)) do
      local of, n, c, bucket = string.match(mark, '^(%d+)|(%d+)|(%d+)|(.*)$')
      if tonumber(of) == priority and offered[n .. '|' .. bucket] then
        local answer = try(n, bucket, c)
        if answer then return answer end
      end
    end
  end
end

local function is_held(n, c)
  local _, key = cluster_of(n, c)
  local holders = call('HLEN', P .. 'hold:' .. key)
  return holders > 1 or (holders == 1 and call('HEXISTS', P .. 'hold:' .. key, worker) == 0)
end

local function to_speak(all)
  for _, one in ipairs(all) do
    local engines_only, held = {}, {}
    for _, bucket in ipairs(one.buckets) do
      if bucket ~= 'm' then engines_only[#engines_only + 1] = bucket end
    end
    for _, shelf in ipairs(shelves_of(one, ':q:', engines_only, '+inf')) do
      if is_held(one.n, shelf.c) then
        held[#held + 1] = shelf
      else
        local answer = try(one.n, shelf.bucket, shelf.c)
        if answer then return answer end
      end
    end
    for _, shelf in ipairs(held) do
      local answer = try(one.n, shelf.bucket, shelf.c)
      if answer then return answer end
    end
  end
end

for priority = 9, 0, -1 do
  local buckets = offers[priority]
  if buckets then
    table.sort(buckets, function(a, b) return a > b end) -- 'm' before the engines
    local all = by_load(priority, buckets)
    local answer = passed_over(all) or to_master(all) or warm_ones(priority, all) or to_speak(all)
    if answer then return answer end
  end
end
return { 'none' }
