-- Lines go to workers by engine instead of model, submissions share the farm, workers report.
ALTER TABLE submission ADD COLUMN shares INTEGER NOT NULL DEFAULT 1;

-- All lines of a group in a submission have one engine. Until now it followed from the model.
ALTER TABLE cluster ADD COLUMN engine TEXT NOT NULL DEFAULT '';
UPDATE cluster SET engine = (
    SELECT iif(voice.model = 'scratch', 'scratch/1', voice.model)
    FROM voice WHERE voice.number = cluster.voice);
ALTER TABLE voice DROP COLUMN model;
UPDATE job SET body = (
    SELECT '{"engine":' || json_quote(cluster.engine) || ',' || substr(job.body, 2)
    FROM line JOIN cluster ON cluster.number = line.cluster WHERE line.number = job.line);

-- Engines are those of the last claim that named any; they were models before.
ALTER TABLE worker RENAME COLUMN models TO engines;
UPDATE worker SET engines = '[]';
ALTER TABLE worker ADD COLUMN instance TEXT;
ALTER TABLE worker ADD COLUMN reported_at_ms INTEGER;
ALTER TABLE worker ADD COLUMN report TEXT;
ALTER TABLE worker ADD COLUMN is_ordered_to_drain INTEGER NOT NULL DEFAULT 0;

-- A line's story, and what is forgotten with a submission.
CREATE INDEX event_by_line ON event (submission, line);
