SELECT worker.id, worker.seen_at_ms,
       (SELECT count(*) FROM lease JOIN line ON line.lease = lease.id AND line.state = 1
        WHERE lease.worker = worker.id),
       iif(worker.reported_at_ms > ?1, worker.report, NULL), worker.is_ordered_to_drain
FROM worker WHERE worker.seen_at_ms > ?1 ORDER BY worker.id
