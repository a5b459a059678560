SELECT event.number, event.at_ms, submission.id, event.line, event.stage, event.state,
       event.worker, event.what, event.detail
FROM event JOIN submission ON submission.number = event.submission
WHERE event.number > ?1
ORDER BY event.number
LIMIT ?2
