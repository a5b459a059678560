-- Lines whose back-off has passed.
SELECT line.number, line.submission, line.id, line.voice, line.stage, line.state, line.attempts,
       line.lease, line.is_started, line.worker, line.delivery, line.failure
FROM line
WHERE line.state = 2 AND line.due_at_ms <= ?1
