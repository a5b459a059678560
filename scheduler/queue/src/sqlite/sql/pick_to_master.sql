-- Lines of group ?1 that worker ?2 may take, in the order it takes them. A line that failed on it
-- is left out while a worker seen since ?3 could take it and did not fail on it.
SELECT line.number, line.estimated_ms
FROM line
WHERE line.cluster = ?1 AND line.state = 0 AND line.stage = 1
  AND NOT (
      EXISTS (SELECT 1 FROM unfit WHERE unfit.line = line.number AND unfit.worker = ?2)
      AND EXISTS (
          SELECT 1 FROM worker AS other
          WHERE other.id <> ?2 AND other.seen_at_ms > ?3 AND NOT other.is_ordered_to_drain
            AND NOT EXISTS (
                SELECT 1 FROM unfit WHERE unfit.line = line.number AND unfit.worker = other.id)
      ))
ORDER BY line.place
LIMIT ?4
