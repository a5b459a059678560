INSERT INTO event (at_ms, submission, line, stage, state, worker, what, detail)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
