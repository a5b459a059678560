INSERT INTO work (hour_ms, worker, busy_ms, spoken, audio_ms, mastered, failed)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
ON CONFLICT DO UPDATE SET
    busy_ms = busy_ms + excluded.busy_ms, spoken = spoken + excluded.spoken,
    audio_ms = audio_ms + excluded.audio_ms, mastered = mastered + excluded.mastered,
    failed = failed + excluded.failed
