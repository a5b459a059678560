-- Of the events numbered above ?1 up to ?2, forgets those that are not among the last ?3 of their line
-- or the last ?4 of their submission as a whole.
DELETE FROM event
WHERE number > ?1 AND number <= ?2
  AND number <= iif(line IS NULL,
      (SELECT other.number FROM event AS other
       WHERE other.submission = event.submission AND other.line IS NULL
       ORDER BY other.number DESC LIMIT 1 OFFSET ?4),
      (SELECT other.number FROM event AS other
       WHERE other.submission = event.submission AND other.line = event.line
       ORDER BY other.number DESC LIMIT 1 OFFSET ?3))
