SELECT line.place, job.body, line.stage, line.state, line.attempts, line.worker, line.take,
       line.delivery, line.failure, line.changed_at_ms, line.id
FROM line JOIN job ON job.line = line.number
WHERE line.submission = ?1
ORDER BY line.place
