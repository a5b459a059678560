-- A claim for lines to be mastered only names no engine, and says nothing of those the worker has.
INSERT INTO worker (id, engines, seen_at_ms) VALUES (?1, ?2, ?3)
ON CONFLICT DO UPDATE SET engines = iif(excluded.engines = '[]', engines, excluded.engines),
                          seen_at_ms = excluded.seen_at_ms
