-- An event as it is told; nil when its submission was forgotten. `names` remembers submissions.
local function event_of(number, fields, names)
  local of = {}
  for i = 1, #fields, 2 do of[fields[i]] = fields[i + 1] end
  if names[of.n] == nil then names[of.n] = call('HGET', sub_key(of.n, ''), 'id') end
  if not names[of.n] then return nil end
  return { number, of.at, names[of.n], of.line, of.stage, of.state, of.worker, of.what, of.detail }
end
