-- Submissions whose lines are all final and to which nothing happened since ?1, oldest first.
SELECT submission.id,
       max(submission.changed_at_ms, ifnull(max(tally.changed_at_ms), 0)) AS changed
FROM submission LEFT JOIN tally ON tally.submission = submission.number
GROUP BY submission.number
HAVING changed <= ?1 AND ifnull(sum(tally.lines) FILTER (WHERE tally.state IN (0, 1, 2, 3)), 0) = 0
ORDER BY changed, submission.number
