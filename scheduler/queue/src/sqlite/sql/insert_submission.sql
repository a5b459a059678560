INSERT INTO submission (id, episode, title, priority, max_attempts, mastering, body, turn,
                        submitted_at_ms, changed_at_ms)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, (SELECT ifnull(max(turn), 0) + 1 FROM submission), ?8, ?8)
