SELECT line.id, line.take
FROM submission
JOIN voice ON voice.submission = submission.number AND voice.key = ?2
JOIN line ON line.voice = voice.number
WHERE submission.id = ?1 AND line.take IS NOT NULL
ORDER BY line.place
