-- The last ?3 events of line ?2 of submission ?1, oldest first.
SELECT * FROM (
    SELECT event.number, event.at_ms, submission.id, event.line, event.stage, event.state,
           event.worker, event.what, event.detail
    FROM event JOIN submission ON submission.number = event.submission
    WHERE event.submission = ?1 AND event.line = ?2
    ORDER BY event.number DESC
    LIMIT ?3)
ORDER BY 1
