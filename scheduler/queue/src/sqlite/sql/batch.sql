-- What the lines of group ?1 share.
SELECT submission.id, submission.episode, submission.title, submission.mastering, cluster.key,
       voice.body
FROM cluster
JOIN voice ON voice.number = cluster.voice
JOIN submission ON submission.number = cluster.submission
WHERE cluster.number = ?1
