-- Lines of submission ?1 by id, character and states.
SELECT line.number, line.submission, line.id, line.voice, line.stage, line.state, line.attempts,
       line.lease, line.is_started, line.worker, line.delivery, line.failure
FROM line
WHERE line.submission = ?1
  AND (?2 IS NULL OR line.id = ?2)
  AND (?3 IS NULL OR line.character = ?3)
  AND line.state IN (SELECT value FROM json_each(?4))
ORDER BY line.place
