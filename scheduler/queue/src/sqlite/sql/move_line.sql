-- Everything about a line that changes, at once; the lines are few and the row is short.
UPDATE line SET stage = ?2, state = ?3, attempts = ?4, lease = ?5, is_started = ?6, worker = ?7,
                due_at_ms = ?8, changed_at_ms = ?9, take = ifnull(?10, take), delivery = ?11,
                failure = ?12
WHERE number = ?1
