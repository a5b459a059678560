//! Tiny releases whose lines mostly end.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::path::Path;

/// Copies some of the shipped tiny releases into a folder of models.
///
/// Their made-up weights end a line by chance only, and one that does not end in time is lost. What is
/// written into these copies makes a code that was said unlikely to be said again, so that most lines
/// soon come to the end; which do follows from text, voice and seed, and tests use those that do.
pub(crate) fn releases(models: &Path, names: &[&str]) {
    for name in names {
        let from = fixtures::path(&format!("reference/s1/{name}"));
        let to = models.join(name);
        std::fs::create_dir_all(to.join("speech_tokenizer")).unwrap();
        for part in ["", "speech_tokenizer"] {
            for entry in std::fs::read_dir(from.join(part)).unwrap() {
                let entry = entry.unwrap();
                if entry.path().is_file() {
                    std::fs::copy(entry.path(), to.join(part).join(entry.file_name())).unwrap();
                }
            }
        }
        let path = to.join("generation_config.json");
        let settings = std::fs::read_to_string(&path).unwrap();
        let changed = settings
            .replace("\"repetition_penalty\": 1.05", "\"repetition_penalty\": 50.0")
            .replace("\"temperature\": 0.9,\n  \"top_p\"", "\"temperature\": 2.0,\n  \"top_p\"");
        assert_ne!(changed, settings);
        std::fs::write(&path, changed).unwrap();
    }
}
