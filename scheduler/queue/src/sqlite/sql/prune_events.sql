DELETE FROM event WHERE number <= (SELECT max(number) FROM event) - ?1
