INSERT INTO submission (id, episode, title, priority, max_attempts, mastering, shares, turn,
                        submitted_at_ms, changed_at_ms)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?8, (SELECT ifnull(max(turn), 0) + 1 FROM submission), ?7, ?7)
