-- The story of line ?2 of submission ?1, oldest first: its last ?3 events, and of the last ?4 of the
-- submission as a whole those that concern it.
WITH line_told AS (
    SELECT line.id, voice.body ->> 'name' AS voice
    FROM line JOIN voice ON voice.number = line.voice
    WHERE line.submission = ?1 AND line.id = ?2),
told AS (
    SELECT * FROM (SELECT * FROM event WHERE submission = ?1 AND line = ?2
                   ORDER BY number DESC LIMIT ?3)
    UNION ALL
    SELECT * FROM (SELECT * FROM event WHERE submission = ?1 AND line IS NULL
                   ORDER BY number DESC LIMIT ?4)
    WHERE what <> 'voice complete' OR detail = (SELECT voice FROM line_told))
SELECT told.number, told.at_ms, submission.id, told.line, told.stage, told.state, told.worker,
       told.what, told.detail
FROM told JOIN submission ON submission.number = told.submission
WHERE EXISTS (SELECT 1 FROM line_told)
ORDER BY told.number
