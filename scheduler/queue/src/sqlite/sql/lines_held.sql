-- Lines that wait for voice ?1 to be complete.
SELECT line.number, line.submission, line.id, line.voice, line.stage, line.state, line.attempts,
       line.lease, line.is_started, line.worker, line.delivery, line.failure
FROM line
WHERE line.state = 3 AND line.voice = ?1
ORDER BY line.place
