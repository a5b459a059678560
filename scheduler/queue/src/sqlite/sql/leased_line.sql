-- Line ?2 if lease ?1 still holds it.
SELECT line.number, line.submission, line.id, line.voice, line.stage, line.state, line.attempts,
       line.lease, line.is_started, line.worker, line.delivery, line.failure
FROM line
WHERE line.lease = ?1 AND line.id = ?2 AND line.state = 1
