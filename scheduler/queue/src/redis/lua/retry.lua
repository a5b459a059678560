-- Sets the selected failed and cancelled lines going again.
--
-- ARGV[2..4]  submission, line ('' for all), character ('' for all)
-- answer      'ok', how many lines that were; 'none' when there is no such submission
-- costs       O(lines of the submission * log n)

if tend() then return { 'again' } end
local n = number_of(ARGV[2])
if not n then return { 'none' } end
return { 'ok', tostring(revive(n, ARGV[3], ARGV[4])) }
