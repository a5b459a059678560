INSERT INTO line (submission, place, id, character, cluster, voice, estimated_ms, stage, state,
                  changed_at_ms, take)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
