SELECT line.number, line.submission, line.id, line.voice, line.stage, line.state, line.attempts,
       line.lease, line.is_started, line.worker, line.delivery, line.failure
FROM line
WHERE line.number = ?1
