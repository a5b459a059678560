-- What a submission's lines share.
--
-- ARGV[2]  submission
-- answer   'ok', the submission as JSON; or 'none'
-- costs    O(1)

local n = number_of(ARGV[2])
if not n then return { 'none' } end
return { 'ok', call('GET', sub_key(n, ':request')) }
