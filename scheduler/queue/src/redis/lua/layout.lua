-- Which layout the farm's keys have; a new farm gets the one given.
--
-- ARGV[2]  the newest layout that is known to the caller
-- answer   'ok', the layout
-- costs    O(1)

call('SETNX', P .. 'layout', ARGV[2])
return { 'ok', call('GET', P .. 'layout') }
