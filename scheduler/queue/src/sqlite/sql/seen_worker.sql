INSERT INTO worker (id, models, seen_at_ms) VALUES (?1, ?2, ?3)
ON CONFLICT DO UPDATE SET models = excluded.models, seen_at_ms = excluded.seen_at_ms
