-- Names every counter that is not what the lines say.
SELECT 'shelf of group ' || cluster || ' in stage ' || stage FROM (
    SELECT cluster, stage, waiting, waiting_ms FROM shelf WHERE waiting <> 0 OR waiting_ms <> 0
    EXCEPT
    SELECT cluster, stage, count(*), sum(estimated_ms) FROM line
    WHERE state = 0 GROUP BY cluster, stage)
UNION ALL
SELECT 'no shelf of group ' || cluster || ' in stage ' || stage FROM (
    SELECT cluster, stage, count(*), sum(estimated_ms) FROM line
    WHERE state = 0 GROUP BY cluster, stage
    EXCEPT
    SELECT cluster, stage, waiting, waiting_ms FROM shelf)
UNION ALL
SELECT 'voice ' || number FROM voice
WHERE unspoken <> (SELECT count(*) FROM line
                   WHERE line.voice = voice.number AND stage = 0 AND state IN (0, 1, 2))
   OR held <> (SELECT count(*) FROM line WHERE line.voice = voice.number AND state = 3)
UNION ALL
SELECT 'tally of submission ' || submission FROM (
    SELECT submission, stage, state, lines, estimated_ms FROM tally
    WHERE lines <> 0 OR estimated_ms <> 0
    EXCEPT
    SELECT submission, stage, state, count(*), sum(estimated_ms) FROM line
    GROUP BY submission, stage, state)
UNION ALL
SELECT 'lease ' || id FROM lease
WHERE NOT EXISTS (SELECT 1 FROM line WHERE line.lease = lease.id AND line.state = 1)
UNION ALL
SELECT 'line ' || number FROM line
WHERE state = 1 AND NOT EXISTS (SELECT 1 FROM lease WHERE lease.id = line.lease)
UNION ALL
SELECT 'busy worker ' || worker FROM (
    SELECT worker FROM busy EXCEPT SELECT worker FROM lease)
UNION ALL
SELECT 'worker not busy ' || worker FROM (
    SELECT worker FROM lease EXCEPT SELECT worker FROM busy)
UNION ALL
SELECT 'orphan of ' || what FROM (
    SELECT 'line' AS what, submission FROM line
    UNION ALL SELECT 'voice', submission FROM voice
    UNION ALL SELECT 'group', submission FROM cluster
    UNION ALL SELECT 'tally', submission FROM tally
    UNION ALL SELECT 'event', submission FROM event
    UNION ALL SELECT 'request', submission FROM request
    UNION ALL SELECT 'shelf', (SELECT submission FROM cluster WHERE number = shelf.cluster) FROM shelf
    UNION ALL SELECT 'job', (SELECT submission FROM line WHERE number = job.line) FROM job
    UNION ALL SELECT 'unfit', (SELECT submission FROM line WHERE number = unfit.line) FROM unfit)
WHERE submission IS NULL OR submission NOT IN (SELECT number FROM submission)
