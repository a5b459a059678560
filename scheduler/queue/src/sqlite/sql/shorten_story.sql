-- Of the story of line ?2 (NULL: of the whole) of submission ?1, forgets what is older than its last ?3
-- events and numbered up to ?4.
DELETE FROM event
WHERE submission = ?1 AND line IS ?2 AND number <= ?4
  AND number <= (SELECT number FROM event WHERE submission = ?1 AND line IS ?2
                 ORDER BY number DESC LIMIT 1 OFFSET ?3)
