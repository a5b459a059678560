-- Names every counter and list that is not what the lines say.
local P, wrong = KEYS[1], {}
local function same(what, is, should)
  if tostring(is or 0) ~= tostring(should or 0) then
    wrong[#wrong + 1] = what .. ' is ' .. tostring(is) .. ', the lines say ' .. tostring(should)
  end
end
local call = redis.call
local held_by, of_lease, delayed, ready, leases_of, holders = {}, {}, {}, {}, {}, {}
for _, n in ipairs(call('ZRANGE', P .. 'turns', 0, -1)) do
  local s = P .. 's:' .. n
  local header = {}
  local flat = call('HGETALL', s)
  for i = 1, #flat, 2 do header[flat[i]] = flat[i + 1] end
  local sums, waiting, waiting_ms, unspoken, leased = {}, {}, {}, {}, 0
  for p = 0, tonumber(header.lines) - 1 do
    local l, line = {}, call('HGETALL', s .. ':l:' .. p)
    for i = 1, #line, 2 do l[line[i]] = line[i + 1] end
    local at = l.stage .. l.state
    sums['n' .. at] = (sums['n' .. at] or 0) + 1
    sums['m' .. at] = (sums['m' .. at] or 0) + l.ms
    if l.state == '0' then
      local shelf = l.cluster .. ':' .. l.stage
      waiting[shelf] = (waiting[shelf] or 0) + 1
      waiting_ms[shelf] = (waiting_ms[shelf] or 0) + l.ms
      if not call('ZSCORE', s .. ':w:' .. shelf, string.format('%010d', p)) then
        wrong[#wrong + 1] = 'line ' .. p .. ' waits and is not on its shelf'
      end
    end
    if l.stage == '0' and tonumber(l.state) <= 2 then unspoken[l.voice] = (unspoken[l.voice] or 0) + 1 end
    if l.state == '1' then
      leased = leased + l.ms
      held_by[l.worker] = (held_by[l.worker] or 0) + 1
      of_lease[l.lease] = (of_lease[l.lease] or 0) + 1
      same('lease of line ' .. p, call('HGET', P .. 'lease:' .. l.lease .. ':lines', l.id), p)
    end
    if l.state == '2' then
      delayed[#delayed + 1] = n .. ':' .. p
      if not call('ZSCORE', P .. 'delayed', n .. ':' .. p) then
        wrong[#wrong + 1] = 'line ' .. p .. ' is delayed and not listed'
      end
    end
  end
  for g = 0, 1 do
    for t = 0, 6 do
      for _, kind in ipairs({ 'n', 'm' }) do
        same(kind .. g .. t .. ' of ' .. n, tonumber(header[kind .. g .. t] or 0), sums[kind .. g .. t])
      end
    end
  end
  same('leased of ' .. n, tonumber(header.leased or 0), leased)
  local load = string.format('%d', math.floor(leased * 1000 / header.shares))
  local offered = {}
  for c = 0, call('HLEN', s .. ':clusters') - 1 do
    local v, key, engine = string.match(call('HGET', s .. ':clusters', c), '^(%d+)|(%x+)|(.*)$')
    same('unspoken of ' .. v, tonumber(call('HGET', s .. ':voice', 'unspoken:' .. v)), unspoken[v])
    for g = 0, 1 do
      local shelf = c .. ':' .. g
      same('shelf ' .. shelf, call('ZCARD', s .. ':w:' .. shelf), waiting[shelf])
      same('ms of shelf ' .. shelf, tonumber(call('HGET', s .. ':shelf', shelf) or 0), waiting_ms[shelf])
      local bucket = g == 1 and 'm' or 'e:' .. engine
      local is_open = waiting[shelf] and header.paused ~= '1' and (g == 0 or not unspoken[v])
      local member = string.format('%010d', c)
      local is_offered = call('ZSCORE', s .. ':since:' .. bucket, member) and true or false
      same('offer of ' .. shelf, is_offered, is_open and true or false)
      if is_open then
        offered[bucket] = true
        same('audio offered of ' .. shelf, 0 - tonumber(call('ZSCORE', s .. ':q:' .. bucket, member)),
          waiting_ms[shelf])
        ready[header.priority .. '|' .. bucket] = true
        same('place of ' .. n .. ' in ' .. bucket,
          call('ZSCORE', P .. 'ready:' .. header.priority .. '|' .. bucket, string.format('%010d', n)), load)
      elseif call('ZSCORE', s .. ':q:' .. bucket, member) then
        wrong[#wrong + 1] = 'audio of ' .. shelf .. ' is offered'
      end
      if g == 0 then
        local mark = string.format('%s|%d|%d|%s', header.priority, n, c, bucket)
        same('warm offer of ' .. shelf, call('ZSCORE', P .. 'g:' .. key, mark) and true or false,
          is_open and true or false)
      end
    end
  end
end
same('delayed lines', call('ZCARD', P .. 'delayed'), #delayed)
for _, mark in ipairs(call('HKEYS', P .. 'ready')) do
  if not ready[mark] then wrong[#wrong + 1] = 'nothing is ready in ' .. mark end
  ready[mark] = nil
end
for mark in pairs(ready) do wrong[#wrong + 1] = 'not said to be ready: ' .. mark end
for _, id in ipairs(call('ZRANGE', P .. 'leases', 0, -1)) do
  same('lines of lease ' .. id, call('HLEN', P .. 'lease:' .. id .. ':lines'), of_lease[id])
  if not of_lease[id] then wrong[#wrong + 1] = 'lease ' .. id .. ' holds nothing' end
  of_lease[id] = nil
  local read = call('HMGET', P .. 'lease:' .. id, 'worker', 'stage', 'key')
  if read[2] == '0' then
    holders[read[3]] = holders[read[3]] or {}
    holders[read[3]][read[1]] = (holders[read[3]][read[1]] or 0) + 1
  end
  same('lease of ' .. read[1], call('SISMEMBER', P .. 'w:' .. read[1] .. ':leases', id), 1)
end
local busy = {}
for _, id in ipairs(call('ZRANGE', P .. 'leases', 0, -1)) do
  busy[call('HGET', P .. 'lease:' .. id, 'worker')] = true
end
for _, name in ipairs(call('HKEYS', P .. 'busy')) do
  if not busy[name] then wrong[#wrong + 1] = name .. ' holds no lease and is busy' end
  busy[name] = nil
end
for name in pairs(busy) do wrong[#wrong + 1] = name .. ' holds a lease and is not busy' end
for id in pairs(of_lease) do wrong[#wrong + 1] = 'lease ' .. id .. ' has ended and holds lines' end
local flat = call('HGETALL', P .. 'held')
for i = 1, #flat, 2 do same('held by ' .. flat[i], flat[i + 1], held_by[flat[i]]) end
for _, key in ipairs(call('KEYS', P .. 'hold:*')) do
  local of = holders[string.sub(key, #P + 6)] or {}
  local flat_of = call('HGETALL', key)
  for i = 1, #flat_of, 2 do same('holders in ' .. key, flat_of[i + 1], of[flat_of[i]]) end
end
for _, key in ipairs(call('KEYS', P .. 's:*')) do
  local n = string.match(key, '^' .. 's:(%d+)', #P + 1)
  n = n or string.match(string.sub(key, #P + 1), '^s:(%d+)')
  if not call('ZSCORE', P .. 'turns', n) then wrong[#wrong + 1] = 'left over: ' .. key end
end
return wrong
