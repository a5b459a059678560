-- What the lines of group ?1 share.
SELECT submission.id, submission.episode, submission.title, submission.mastering, cluster.key,
       voice.body, json_extract(request.body, '$.trace')
FROM cluster
JOIN voice ON voice.number = cluster.voice
JOIN submission ON submission.number = cluster.submission
LEFT JOIN request ON request.submission = submission.number
WHERE cluster.number = ?1
