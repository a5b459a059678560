-- Stages: 0 speak, 1 master. States: 0 waiting, 1 leased, 2 delayed, 3 held, 4 done, 5 failed,
-- 6 cancelled. Times are Unix milliseconds. Counters are kept by the triggers below, so that no
-- statement can forget them.

CREATE TABLE submission (
    number          INTEGER PRIMARY KEY,
    id              TEXT    NOT NULL UNIQUE,
    episode         TEXT    NOT NULL,
    title           TEXT    NOT NULL,
    priority        INTEGER NOT NULL,
    max_attempts    INTEGER NOT NULL,
    mastering       TEXT    NOT NULL,
    body            TEXT    NOT NULL,
    -- Grows with every submission, also of the same again: the newest of an episode is current.
    turn            INTEGER NOT NULL,
    is_paused       INTEGER NOT NULL DEFAULT 0,
    is_cancelled    INTEGER NOT NULL DEFAULT 0,
    audio_ms        INTEGER NOT NULL DEFAULT 0,
    synth_ms        INTEGER NOT NULL DEFAULT 0,
    submitted_at_ms INTEGER NOT NULL,
    changed_at_ms   INTEGER NOT NULL
) STRICT;
CREATE INDEX submission_by_episode ON submission (episode, turn);
CREATE INDEX submission_by_turn ON submission (turn);

-- A voice of a submission: the gate between speaking and mastering.
CREATE TABLE voice (
    number     INTEGER PRIMARY KEY,
    submission INTEGER NOT NULL REFERENCES submission,
    key        TEXT    NOT NULL,
    model      TEXT    NOT NULL,
    body       TEXT    NOT NULL,
    unspoken   INTEGER NOT NULL DEFAULT 0,
    held       INTEGER NOT NULL DEFAULT 0,
    UNIQUE (submission, key)
) STRICT;
CREATE INDEX voice_to_open ON voice (number) WHERE unspoken = 0 AND held > 0;

-- A group of a submission.
CREATE TABLE cluster (
    number     INTEGER PRIMARY KEY,
    submission INTEGER NOT NULL REFERENCES submission,
    voice      INTEGER NOT NULL REFERENCES voice,
    key        TEXT    NOT NULL,
    UNIQUE (submission, key)
) STRICT;

-- What can be claimed of a group in a stage.
CREATE TABLE shelf (
    cluster    INTEGER NOT NULL,
    stage      INTEGER NOT NULL,
    waiting    INTEGER NOT NULL,
    waiting_ms INTEGER NOT NULL,
    since_ms   INTEGER NOT NULL,
    PRIMARY KEY (cluster, stage)
) STRICT, WITHOUT ROWID;
CREATE INDEX shelf_to_claim ON shelf (cluster, stage) WHERE waiting > 0;

CREATE TABLE line (
    number        INTEGER PRIMARY KEY,
    submission    INTEGER NOT NULL,
    place         INTEGER NOT NULL,
    id            TEXT    NOT NULL,
    character     TEXT    NOT NULL,
    cluster       INTEGER NOT NULL,
    voice         INTEGER NOT NULL,
    estimated_ms  INTEGER NOT NULL,
    stage         INTEGER NOT NULL,
    state         INTEGER NOT NULL,
    attempts      INTEGER NOT NULL DEFAULT 0,
    -- The lease it is under; kept when it is taken away from the lease, so that a renewal can tell.
    lease         TEXT,
    is_started    INTEGER NOT NULL DEFAULT 0,
    worker        TEXT,
    due_at_ms     INTEGER,
    changed_at_ms INTEGER NOT NULL,
    take          TEXT,
    delivery      TEXT,
    failure       TEXT
) STRICT;
CREATE UNIQUE INDEX line_by_id ON line (submission, id);
CREATE UNIQUE INDEX line_by_place ON line (submission, place);
CREATE INDEX line_to_speak ON line (cluster, estimated_ms, place) WHERE state = 0 AND stage = 0;
CREATE INDEX line_to_master ON line (cluster, place) WHERE state = 0 AND stage = 1;
CREATE INDEX line_by_lease ON line (lease) WHERE lease IS NOT NULL;
CREATE INDEX line_by_due ON line (due_at_ms) WHERE state = 2;
CREATE INDEX line_held ON line (voice) WHERE state = 3;
CREATE INDEX line_by_voice ON line (voice, place);

-- What was asked for; apart from the line, because it is long and never changes.
CREATE TABLE job (
    line INTEGER PRIMARY KEY,
    body TEXT NOT NULL
) STRICT;

CREATE TABLE lease (
    id            TEXT    PRIMARY KEY,
    worker        TEXT    NOT NULL,
    cluster       INTEGER NOT NULL,
    stage         INTEGER NOT NULL,
    expires_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX lease_by_end ON lease (expires_at_ms);

CREATE TABLE worker (
    id         TEXT    PRIMARY KEY,
    models     TEXT    NOT NULL,
    seen_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Lines that failed on a worker, until they come further.
CREATE TABLE unfit (
    line   INTEGER NOT NULL,
    worker TEXT    NOT NULL,
    PRIMARY KEY (line, worker)
) STRICT, WITHOUT ROWID;

CREATE TABLE tally (
    submission    INTEGER NOT NULL,
    stage         INTEGER NOT NULL,
    state         INTEGER NOT NULL,
    lines         INTEGER NOT NULL,
    estimated_ms  INTEGER NOT NULL,
    changed_at_ms INTEGER NOT NULL,
    PRIMARY KEY (submission, stage, state)
) STRICT, WITHOUT ROWID;

CREATE TABLE event (
    number     INTEGER PRIMARY KEY AUTOINCREMENT,
    at_ms      INTEGER NOT NULL,
    submission INTEGER NOT NULL,
    line       TEXT,
    stage      INTEGER,
    state      INTEGER,
    worker     TEXT,
    what       TEXT    NOT NULL,
    detail     TEXT
) STRICT;

CREATE TRIGGER line_added AFTER INSERT ON line BEGIN
    INSERT INTO tally VALUES
        (NEW.submission, NEW.stage, NEW.state, 1, NEW.estimated_ms, NEW.changed_at_ms)
        ON CONFLICT DO UPDATE SET lines = lines + 1,
            estimated_ms = estimated_ms + NEW.estimated_ms, changed_at_ms = NEW.changed_at_ms;
    UPDATE voice SET unspoken = unspoken + (NEW.stage = 0 AND NEW.state IN (0, 1, 2)),
        held = held + (NEW.state = 3) WHERE number = NEW.voice;
    INSERT INTO shelf
        SELECT NEW.cluster, NEW.stage, 1, NEW.estimated_ms, NEW.changed_at_ms WHERE NEW.state = 0
        ON CONFLICT DO UPDATE SET
            since_ms = iif(waiting = 0, NEW.changed_at_ms, since_ms),
            waiting = waiting + 1, waiting_ms = waiting_ms + NEW.estimated_ms;
END;

CREATE TRIGGER line_moved AFTER UPDATE OF stage, state ON line
WHEN NEW.stage <> OLD.stage OR NEW.state <> OLD.state BEGIN
    UPDATE tally SET lines = lines - 1, estimated_ms = estimated_ms - OLD.estimated_ms
        WHERE submission = OLD.submission AND stage = OLD.stage AND state = OLD.state;
    INSERT INTO tally VALUES
        (NEW.submission, NEW.stage, NEW.state, 1, NEW.estimated_ms, NEW.changed_at_ms)
        ON CONFLICT DO UPDATE SET lines = lines + 1,
            estimated_ms = estimated_ms + NEW.estimated_ms, changed_at_ms = NEW.changed_at_ms;
    UPDATE voice SET
        unspoken = unspoken + (NEW.stage = 0 AND NEW.state IN (0, 1, 2))
                            - (OLD.stage = 0 AND OLD.state IN (0, 1, 2)),
        held = held + (NEW.state = 3) - (OLD.state = 3)
        WHERE number = NEW.voice;
    UPDATE shelf SET waiting = waiting - 1, waiting_ms = waiting_ms - OLD.estimated_ms
        WHERE OLD.state = 0 AND cluster = OLD.cluster AND stage = OLD.stage;
    INSERT INTO shelf
        SELECT NEW.cluster, NEW.stage, 1, NEW.estimated_ms, NEW.changed_at_ms WHERE NEW.state = 0
        ON CONFLICT DO UPDATE SET
            since_ms = iif(waiting = 0, NEW.changed_at_ms, since_ms),
            waiting = waiting + 1, waiting_ms = waiting_ms + NEW.estimated_ms;
END;
