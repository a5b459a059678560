-- What workers did by the hour, and since when they hold a lease.
CREATE TABLE work (
    hour_ms  INTEGER NOT NULL,
    worker   TEXT    NOT NULL,
    busy_ms  INTEGER NOT NULL,
    spoken   INTEGER NOT NULL,
    audio_ms INTEGER NOT NULL,
    mastered INTEGER NOT NULL,
    failed   INTEGER NOT NULL,
    PRIMARY KEY (hour_ms, worker)
) STRICT, WITHOUT ROWID;

CREATE TABLE busy (
    worker   TEXT    PRIMARY KEY,
    since_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO busy SELECT worker, CAST(unixepoch('subsec') * 1000 AS INTEGER) FROM lease GROUP BY worker;
