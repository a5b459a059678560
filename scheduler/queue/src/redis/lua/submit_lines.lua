-- Stages some lines of a new submission. Staging a line twice is harmless.
--
-- ARGV[2]   number of the submission
-- ARGV[3..] for each line: place, id, character, group, voice, ms, stage, take ('' for none), job
-- answer    'ok'; or 'gone' when the staging was given up on
-- costs     O(lines given * log n)

local n = ARGV[2]
if not call('ZSCORE', P .. 'staging', n) then return { 'gone' } end
call('ZADD', P .. 'staging', now, n)
for i = 3, #ARGV, 9 do
  local place, id, ms, stage = ARGV[i], ARGV[i + 1], ARGV[i + 5], ARGV[i + 6]
  local cluster, voice, take = ARGV[i + 3], ARGV[i + 4], ARGV[i + 7]
  call('HSET', line_key(n, place), 'id', id, 'character', ARGV[i + 2], 'cluster', cluster,
    'voice', voice, 'ms', ms, 'stage', stage, 'state', WAITING, 'at', now)
  call('HSET', sub_key(n, ':ids'), id, place)
  call('HSET', sub_key(n, ':job'), place, ARGV[i + 8])
  call('ZADD', sub_key(n, ':of:' .. voice), place, padded(place))
  if take ~= '' then call('HSET', sub_key(n, ':take'), place, take) end
  local score = stage == '0' and ms or place
  call('ZADD', sub_key(n, ':w:' .. cluster .. ':' .. stage), score, padded(place))
end
return { 'ok' }
