-- Every group and stage with lines to be claimed by a worker that has the engines in ?2.
SELECT shelf.cluster, cluster.key, shelf.stage, submission.priority, shelf.since_ms,
       shelf.waiting_ms,
       shelf.stage = 0 AND EXISTS (
           SELECT 1 FROM lease JOIN cluster AS other ON other.number = lease.cluster
           WHERE lease.worker <> ?1 AND lease.stage = 0 AND other.key = cluster.key),
       submission.shares,
       (SELECT ifnull(sum(tally.estimated_ms), 0) FROM tally
        WHERE tally.submission = submission.number AND tally.state = 1),
       submission.number
FROM shelf
JOIN cluster ON cluster.number = shelf.cluster
JOIN submission ON submission.number = cluster.submission
WHERE shelf.waiting > 0
  AND submission.is_paused = 0
  AND (shelf.stage = 1 OR cluster.engine IN (SELECT value FROM json_each(?2)))
  AND NOT EXISTS (SELECT 1 FROM worker WHERE worker.id = ?1 AND worker.is_ordered_to_drain)
