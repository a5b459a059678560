-- Lines of voice ?1 that were let through to be mastered, or are.
SELECT line.number, line.submission, line.id, line.voice, line.stage, line.state, line.attempts,
       line.lease, line.is_started, line.worker, line.delivery, line.failure
FROM line
WHERE line.voice = ?1 AND line.stage = 1 AND line.state IN (0, 1, 2, 4)
ORDER BY line.place
