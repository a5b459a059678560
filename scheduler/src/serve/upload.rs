//! From what was sent to what a production hands over.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use axum::body::Bytes;
use schemars::JsonSchema;
use schemas::RecordingKey;
use screenplay::{Doubt, Severity, Unreadable};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use store::Store;

use super::problem::{Mistake, Problem};
use super::request::Options;
use crate::cast::{Cast, Locks};
use crate::lexicon::Lexicon;
use crate::plan::PlanOptions;
use crate::submit::{Upload, episode_named, title_of};

/// Recordings one request may bring.
const RECORDINGS: usize = 256;
/// Bytes that a name of a file may have.
const NAME_BYTES: usize = 255;
/// Doubts about a script that an answer lists.
const DOUBTS: usize = 100;

/// A file that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SentFile {
    /// What the client calls it; one line of printable characters.
    pub(super) name: String,
    pub(super) bytes: Bytes,
}

/// All that was sent of an episode.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sent {
    pub(super) script: SentFile,
    pub(super) cast: SentFile,
    pub(super) lexicon: Option<SentFile>,
    /// By name, as the cast writes them.
    pub(super) recordings: BTreeMap<String, Bytes>,
    pub(super) options: Options,
}

/// What a script leaves open, for whoever sent it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(super) struct ScriptDoubt {
    /// From 1.
    line: u32,
    /// From 1, counted in characters.
    column: u32,
    /// `error` when it was probably read wrongly, else `warning`.
    severity: &'static str,
    /// Names the kind of doubt.
    code: &'static str,
    /// What is doubtful.
    message: String,
    /// What to change.
    suggestion: String,
}

/// Puts a recording to the others.
///
/// # Errors
/// When there are too many, or the name is used already.
pub(super) fn add_recording(
    recordings: &mut BTreeMap<String, Bytes>,
    name: &str,
    bytes: Bytes,
) -> Result<(), Problem> {
    let name = shown(name);
    if recordings.len() >= RECORDINGS {
        let message = format!("more than {RECORDINGS} recordings");
        return Err(mistake("recordings", &message, "send those that the cast names"));
    }
    if recordings.contains_key(&name) {
        return Err(mistake(&name, "the recording was sent twice", "send it once"));
    }
    recordings.insert(name, bytes);
    Ok(())
}

/// A name as it may be repeated: one line, printable, not endless.
pub(super) fn shown(name: &str) -> String {
    let mut end = name.len().min(NAME_BYTES);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    name[..end].chars().map(|c| if c.is_control() { '-' } else { c }).collect()
}

/// One mistake as a problem.
pub(super) fn mistake(file: &str, message: &str, advice: &str) -> Problem {
    let detail = format!("{file}: {message}; {advice}");
    let (message, advice) = (message.to_owned(), advice.to_owned());
    let mistake = Mistake { file: file.to_owned(), line: None, column: None, message, advice };
    Problem::mistakes(detail, vec![mistake])
}

impl Sent {
    /// Reads script, cast and lexicon, as `tableread enqueue` does. Takes as long as that takes:
    /// call it where blocking is no harm.
    ///
    /// # Errors
    /// A problem with every mistake at its place.
    pub(super) fn read(&self, locks: &Locks) -> Result<Upload, Problem> {
        let options = &self.options;
        options.check()?;
        let script = screenplay::read(&self.script.name, &self.script.bytes)
            .map_err(|err| unreadable(&self.script.name, err))?;
        let mut cast = self.read_cast(locks)?;
        if let Some(title) = &options.title {
            cast.title = Some(title.clone());
        }
        let lexicon = match &self.lexicon {
            Some(file) => Lexicon::read(&file.name, file.text()?).map_err(bad_file)?,
            None => Lexicon::default(),
        };
        let stem = Path::new(&self.script.name).file_stem().unwrap_or_default().to_string_lossy();
        let title = title_of(&script, cast.title.as_deref());
        let named = || episode_named(title.as_deref().unwrap_or(&stem));
        Ok(Upload {
            episode: options.episode.clone().unwrap_or_else(named),
            script,
            cast,
            options: PlanOptions {
                lexicon,
                is_scratch: options.scratch,
                skips_lyrics: options.skip_lyrics,
                ..PlanOptions::default()
            },
            mastering: options.mastering(),
            priority: options.priority.unwrap_or(5),
            max_attempts: options.attempts.unwrap_or(3),
            shares: options.shares.unwrap_or(1),
            tag: options.tag.clone(),
            recordings: self
                .recordings
                .values()
                .map(|file| (RecordingKey::of(file), file.clone()))
                .collect(),
        })
    }

    /// Fetches the locked voices that the cast names.
    pub(super) async fn locks(&self, store: &Store) -> Locks {
        match self.cast.text() {
            Ok(cast) if Locks::are_wanted(cast) => Locks::fetch(cast, store).await,
            // What is no text is told when the cast is read.
            Ok(_) | Err(_) => Locks::default(),
        }
    }

    fn read_cast(&self, locks: &Locks) -> Result<Cast, Problem> {
        let recording = |path: &Path| {
            let name = path.to_string_lossy();
            let sent = self.recordings.get(name.as_ref()).map(|bytes| bytes.to_vec());
            sent.ok_or_else(|| {
                let told = format!("no recording `{}` came with the request", shown(&name));
                io::Error::new(io::ErrorKind::NotFound, told)
            })
        };
        Cast::read_with(&self.cast.name, self.cast.text()?, &recording, locks).map_err(bad_file)
    }

    /// Engines that were named, by model.
    pub(super) fn engines(&self) -> &BTreeMap<String, String> {
        &self.options.engines
    }

    /// Lower-case hex SHA-256 of all that was sent, in whichever way it was sent.
    pub(super) fn sha256(&self) -> String {
        let mut hasher = Sha256::new();
        let mut weigh = |name: &str, bytes: &[u8]| {
            for part in [name.as_bytes(), bytes] {
                hasher.update((part.len() as u64).to_le_bytes());
                hasher.update(part);
            }
        };
        weigh(&self.script.name, &self.script.bytes);
        weigh("cast", &self.cast.bytes);
        if let Some(lexicon) = &self.lexicon {
            weigh("lexicon", &lexicon.bytes);
        }
        for (name, bytes) in &self.recordings {
            weigh(name, bytes);
        }
        let options = serde_json::to_vec(&self.options).expect("plain fields always serialise");
        weigh("options", &options);
        schemas::hex(&hasher.finalize())
    }
}

impl SentFile {
    fn text(&self) -> Result<&str, Problem> {
        std::str::from_utf8(&self.bytes)
            .map_err(|_| mistake(&self.name, "this is not UTF-8 text", "save it as UTF-8"))
    }
}

/// What a script leaves open, up to the first hundred doubts.
pub(super) fn doubts(doubts: &[Doubt]) -> Vec<ScriptDoubt> {
    let told = |doubt: &Doubt| ScriptDoubt {
        line: doubt.span.line,
        column: doubt.span.column,
        severity: match doubt.severity {
            Severity::Warning => "warning",
            Severity::Error => "error",
        },
        code: doubt.code,
        message: doubt.message.clone(),
        suggestion: doubt.suggestion.clone(),
    };
    doubts.iter().take(DOUBTS).map(told).collect()
}

fn bad_file(bad: crate::cast::BadFile) -> Problem {
    Problem::mistakes(bad.to_string(), vec![bad.into()])
}

fn unreadable(file: &str, err: Unreadable) -> Problem {
    let detail = format!("{file}: {err}");
    let Unreadable { message, advice, at } = err;
    let (line, column) = (at.map(|at| at.0.into()), at.map(|at| at.1.into()));
    Problem::mistakes(
        detail,
        vec![Mistake { file: file.to_owned(), line, column, message, advice }],
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sent_is_known_by_all_of_it() {
        let file = |text: &'static str| SentFile { name: "a".into(), bytes: text.into() };
        let sent = Sent {
            script: file("one"),
            cast: file("two"),
            lexicon: None,
            recordings: BTreeMap::new(),
            options: Options::default(),
        };
        let moved = Sent { script: file("onet"), cast: file("wo"), ..sent.clone() };
        let other =
            Sent { options: Options { scratch: true, ..Options::default() }, ..sent.clone() };
        assert_eq!(sent.sha256(), sent.clone().sha256());
        assert!(sent.sha256() != moved.sha256() && sent.sha256() != other.sha256());
    }
}
