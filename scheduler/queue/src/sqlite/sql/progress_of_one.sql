SELECT submission.number, submission.id, submission.episode, submission.title,
       submission.priority, submission.is_paused, submission.is_cancelled, submission.audio_ms,
       submission.synth_ms, submission.submitted_at_ms, submission.changed_at_ms,
       tally.stage, tally.state, tally.lines, tally.estimated_ms, tally.changed_at_ms
FROM submission LEFT JOIN tally ON tally.submission = submission.number
WHERE submission.id = ?1
