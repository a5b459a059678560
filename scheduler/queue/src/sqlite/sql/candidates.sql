-- Every group and stage with lines to be claimed by a worker that speaks the models in ?2.
SELECT shelf.cluster, cluster.key, shelf.stage, submission.priority, shelf.since_ms,
       shelf.waiting_ms,
       shelf.stage = 0 AND EXISTS (
           SELECT 1 FROM lease JOIN cluster AS other ON other.number = lease.cluster
           WHERE lease.worker <> ?1 AND lease.stage = 0 AND other.key = cluster.key)
FROM shelf
JOIN cluster ON cluster.number = shelf.cluster
JOIN voice ON voice.number = cluster.voice
JOIN submission ON submission.number = cluster.submission
WHERE shelf.waiting > 0
  AND submission.is_paused = 0
  AND (shelf.stage = 1 OR voice.model IN (SELECT value FROM json_each(?2)))
