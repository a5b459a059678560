-- An order to drain is for the instance that it was given to.
INSERT INTO worker (id, engines, seen_at_ms, instance, reported_at_ms, report)
VALUES (?1, '[]', ?2, ?3, ?2, ?4)
ON CONFLICT DO UPDATE SET
    is_ordered_to_drain = is_ordered_to_drain AND (instance IS NULL OR instance = excluded.instance),
    seen_at_ms = excluded.seen_at_ms, instance = excluded.instance,
    reported_at_ms = excluded.reported_at_ms, report = excluded.report
RETURNING is_ordered_to_drain
