-- What people do to the lines of a submission: both go through all of its lines.

-- The lines of submission `n` that are selected: by id and by character, '' for all.
local function selected(n, id, character)
  local places = {}
  if id ~= '' then
    places[1] = call('HGET', sub_key(n, ':ids'), id) or nil
  else
    for place = 0, tonumber(call('HGET', sub_key(n, ''), 'lines')) - 1 do places[place + 1] = place end
  end
  local next_one = 0
  return function()
    while next_one < #places do
      next_one = next_one + 1
      local place = places[next_one]
      if character == '' or call('HGET', line_key(n, place), 'character') == character then
        return line_of(n, place)
      end
    end
  end
end

-- Cancels the selected lines that are not final, and says how many.
local function cancel(n, id, character, why)
  local leases, cancelled = {}, 0
  for line in selected(n, id, character) do
    if line.state == WAITING or line.state == LEASED or line.state == DELAYED then
      if line.state == LEASED then leases[line.lease] = true end
      move(line, line.stage, CANCELLED, { marked = true })
      event(n, line, 'cancelled', why)
      cancelled = cancelled + 1
    end
  end
  for lease in pairs(leases) do end_if_empty(lease) end
  if cancelled > 0 and id == '' and character == '' then
    call('HSET', sub_key(n, ''), 'cancelled', 1)
  end
  flush()
  return cancelled
end

-- Holds a voice back from being mastered, and with it what was mastered of it.
local function hold(n, v)
  local held = 0
  for _, place in ipairs(call('ZRANGE', sub_key(n, ':of:' .. v), 0, -1)) do
    local line = line_of(n, tonumber(place))
    if line.stage == MASTER and line.state ~= FAILED and line.state ~= CANCELLED then
      local lease = line.state == LEASED and line.lease
      move(line, MASTER, HELD, { fresh = true, marked = true })
      if lease then end_if_empty(lease) end
      held = held + 1
    end
  end
  -- Lines that were let through were not among those that waited for their voice.
  voice_of(n, v).held = held
end

-- Sets the selected failed and cancelled lines going again, and says how many.
local function revive(n, id, character)
  local to_speak, revived = {}, 0
  for line in selected(n, id, character) do
    if line.state == FAILED or line.state == CANCELLED then
      local is_first = line.stage == SPEAK and voice_of(n, line.voice).unspoken == 0
      if is_first then to_speak[line.voice] = true end
      move(line, line.stage, line.stage == SPEAK and WAITING or HELD, { fresh = true })
      event(n, line, 'retried')
      revived = revived + 1
    end
  end
  -- A gate that was closed has nothing behind it.
  for v in pairs(to_speak) do hold(n, v) end
  if revived > 0 then call('HSET', sub_key(n, ''), 'cancelled', 0) end
  flush()
  return revived
end

-- Cancels what is open of the other submissions of an episode, and says how many lines that were.
local function supersede(n, id, episode)
  local superseded = 0
  for _, other in ipairs(call('SMEMBERS', P .. 'episode:' .. episode)) do
    if other ~= n then superseded = superseded + cancel(other, '', '', 'replaced by ' .. id) end
  end
  return superseded
end
