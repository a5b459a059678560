//! From a request's body to what a production hands over.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use axum::body::Bytes;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use schemars::JsonSchema;
use schemas::{EpisodeId, Mastering, RecordingKey};
use screenplay::{Doubt, Severity, Unreadable};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::problem::{Mistake, Problem};
use crate::cast::Cast;
use crate::lexicon::Lexicon;
use crate::plan::PlanOptions;
use crate::submit::{Upload, episode_named, title_of};

/// Recordings one request may bring.
const RECORDINGS: usize = 256;
/// Bytes that a name of a file may have.
const NAME_BYTES: usize = 255;
/// Doubts about a script that an answer lists.
const DOUBTS: usize = 100;

/// An episode to be rendered, as JSON. As a form, `script`, `cast` and `lexicon` are files, every
/// recording is a file in a field `recording` under the name that the cast gives it, and all else are
/// fields of the same names.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct EpisodeRequest {
    /// The screenplay.
    script: ScriptFile,
    /// Who speaks in which voice: a cast file (TOML).
    cast: String,
    /// Pronunciations: a lexicon file (TOML).
    lexicon: Option<String>,
    /// Recordings that the cast's cloned voices name.
    #[serde(default)]
    recordings: Vec<Recording>,
    #[serde(flatten)]
    options: Options,
    /// Fields that mean nothing here: a slip of the pen must not be passed over.
    #[serde(flatten)]
    #[schemars(skip)]
    unknown: BTreeMap<String, serde_json::Value>,
}

/// A screenplay: its name and either its text or its bytes.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ScriptFile {
    /// The file's name, which helps to tell formats apart, e.g. `pilot.fdx`.
    name: String,
    /// All of it, for Fountain and FDX.
    text: Option<String>,
    /// All of it in base64, for Highland and zipped `TextBundle`s, or whatever is no UTF-8.
    base64: Option<String>,
}

/// A recording that the cast names.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Recording {
    /// As the cast writes its path, e.g. `takes/mira.wav`.
    name: String,
    /// All of it in base64.
    base64: String,
}

/// How an episode is to be rendered. Whatever is left out is as the command has it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Options {
    /// Names the episode; made of the title when absent, else of the script's name.
    episode: Option<EpisodeId>,
    /// What people call it, in place of the cast's and the script's own title.
    title: Option<String>,
    /// Higher goes first; 5 when absent.
    #[schemars(range(min = 0, max = 9))]
    priority: Option<u8>,
    /// Its share of the farm among episodes of its priority; 1 when absent.
    #[schemars(range(min = 1, max = 100))]
    shares: Option<u32>,
    /// Which engine is to speak a model's lines, by the model's name; that of the workers when absent.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    engines: BTreeMap<String, String>,
    /// How often a line is tried before it is given up on; 3 when absent.
    #[schemars(range(min = 1, max = 100))]
    attempts: Option<u32>,
    /// Whether everybody speaks with a scratch voice: a timing track without weights.
    #[serde(default)]
    scratch: bool,
    /// Whether lines that are sung throughout are left out.
    #[serde(default)]
    skip_lyrics: bool,
    /// Loudness of every voice over the episode, in LUFS; -20 when absent.
    #[schemars(range(min = -40.0, max = -6.0))]
    loudness: Option<f32>,
    /// Bit rate of the AAC files, in kbit/s; 64 when absent.
    #[schemars(range(min = 24, max = 256))]
    bitrate: Option<u32>,
    /// Sample rate of masters and AAC files, in Hz: 24000, 44100 or 48000; 24000 when absent.
    rate: Option<u32>,
}

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

impl EpisodeRequest {
    /// Reads a request's body.
    ///
    /// # Errors
    /// A problem that names the place.
    pub(super) fn read(body: &[u8]) -> Result<Sent, Problem> {
        let request: Self = serde_json::from_slice(body).map_err(|err| bad_json(&err))?;
        if let Some(name) = request.unknown.keys().next() {
            let advice = "leave it out, or see /openapi.json for what it should be called";
            return Err(mistake(&shown(name), "there is no such field", advice));
        }
        let script = request.script.into_file()?;
        let mut recordings = BTreeMap::new();
        for Recording { name, base64 } in request.recordings {
            add_recording(&mut recordings, &name, decode(&name, &base64)?)?;
        }
        let toml = |name: &str, text: String| SentFile { name: name.into(), bytes: text.into() };
        Ok(Sent {
            script,
            cast: toml("cast.toml", request.cast),
            lexicon: request.lexicon.map(|text| toml("lexicon.toml", text)),
            recordings,
            options: request.options,
        })
    }
}

impl ScriptFile {
    fn into_file(self) -> Result<SentFile, Problem> {
        let name = shown(&self.name);
        let bytes = match (self.text, self.base64) {
            (Some(text), None) => Bytes::from(text),
            (None, Some(base64)) => decode(&name, &base64)?,
            (Some(_), Some(_)) | (None, None) => {
                let message = "the script has to come as text or as base64";
                return Err(mistake(&name, message, "send one of `text` and `base64`"));
            }
        };
        Ok(SentFile { name, bytes })
    }
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

fn decode(name: &str, base64: &str) -> Result<Bytes, Problem> {
    let decoded = STANDARD.decode(base64).map(Bytes::from);
    decoded.map_err(|_| mistake(&shown(name), "this is not base64", "encode the file's bytes"))
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

/// The problem of a body that is not the JSON it should be.
pub(super) fn bad_json(err: &serde_json::Error) -> Problem {
    let place = (err.line() > 0).then(|| (err.line() as u64, err.column() as u64));
    // What was found instead may be a piece of the script: the reader's words end before it.
    let message = if err.is_data() { err.to_string() } else { format!("this is no JSON: {err}") };
    let advice = "see /openapi.json for what is expected";
    Problem::mistakes(
        format!("the body cannot be read: {message}; {advice}"),
        vec![Mistake {
            file: "body".into(),
            line: place.map(|(line, _)| line),
            column: place.map(|(_, column)| column),
            message,
            advice: advice.into(),
        }],
    )
}

impl Options {
    /// Reads the fields of a form.
    ///
    /// # Errors
    /// A problem that names what does not fit.
    pub(super) fn of_fields(fields: &BTreeMap<String, String>) -> Result<Self, Problem> {
        let value = |(name, text): (&String, &String)| {
            let scalar = match name.as_str() {
                "episode" | "title" => None,
                "engines" => serde_json::from_str(text).ok(),
                _ => serde_json::from_str(text)
                    .ok()
                    .filter(|value: &serde_json::Value| value.is_number() || value.is_boolean()),
            };
            (name.clone(), scalar.unwrap_or_else(|| text.clone().into()))
        };
        let fields = serde_json::Value::Object(fields.iter().map(value).collect());
        serde_json::from_value(fields).map_err(|err| bad_json(&err))
    }

    fn check(&self) -> Result<(), Problem> {
        let checks = [
            ("priority", self.priority.is_none_or(|n| n <= 9), "choose 0 to 9"),
            ("shares", self.shares.is_none_or(|n| (1..=100).contains(&n)), "choose 1 to 100"),
            ("attempts", self.attempts.is_none_or(|n| (1..=100).contains(&n)), "choose 1 to 100"),
            (
                "loudness",
                self.loudness.is_none_or(|lufs| (-40.0..=-6.0).contains(&lufs)),
                "choose -40 to -6 LUFS",
            ),
            ("bitrate", self.bitrate.is_none_or(|n| (24..=256).contains(&n)), "choose 24 to 256"),
            (
                "rate",
                self.rate.is_none_or(|hz| matches!(hz, 24_000 | 44_100 | 48_000)),
                "choose 24000, 44100 or 48000",
            ),
            (
                "title",
                self.title.as_ref().is_none_or(|t| (1..=500).contains(&t.trim().len())),
                "give it 1 to 500 bytes",
            ),
        ];
        match checks.iter().find(|(_, is_right, _)| !is_right) {
            Some((field, _, advice)) => Err(mistake(field, "the value is out of range", advice)),
            None => Ok(()),
        }
    }

    fn mastering(&self) -> Mastering {
        let usual = Mastering::default();
        Mastering {
            target_lufs: self.loudness.unwrap_or(usual.target_lufs),
            bitrate_bps: self.bitrate.map_or(usual.bitrate_bps, |kbit| kbit * 1_000),
            rate_hz: self.rate.unwrap_or(usual.rate_hz),
            ..usual
        }
    }
}

impl Sent {
    /// Reads script, cast and lexicon, as `tableread enqueue` does. Takes as long as that takes:
    /// call it where blocking is no harm.
    ///
    /// # Errors
    /// A problem with every mistake at its place.
    pub(super) fn read(&self) -> Result<Upload, Problem> {
        let options = &self.options;
        options.check()?;
        let script = screenplay::read(&self.script.name, &self.script.bytes)
            .map_err(|err| unreadable(&self.script.name, err))?;
        let mut cast = self.read_cast()?;
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
            recordings: self
                .recordings
                .values()
                .map(|file| (RecordingKey::of(file), file.clone()))
                .collect(),
        })
    }

    fn read_cast(&self) -> Result<Cast, Problem> {
        let recording = |path: &Path| {
            let name = path.to_string_lossy();
            let sent = self.recordings.get(name.as_ref()).map(|bytes| bytes.to_vec());
            sent.ok_or_else(|| {
                let told = format!("no recording `{}` came with the request", shown(&name));
                io::Error::new(io::ErrorKind::NotFound, told)
            })
        };
        Cast::read(&self.cast.name, self.cast.text()?, &recording).map_err(bad_file)
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

    fn problem(body: &str) -> String {
        format!("{:?}", EpisodeRequest::read(body.as_bytes()).unwrap_err())
    }

    #[test]
    fn a_field_that_nobody_knows_is_told() {
        let script = r#""script": {"name": "a.fountain", "text": ""}, "cast": """#;
        assert!(problem(&format!("{{{script}, \"prioritty\": 1}}")).contains("prioritty"));
        assert!(problem("{\"cast\": 1").contains("line"));
        let both = r#"{"script": {"name": "a", "text": "", "base64": ""}, "cast": ""}"#;
        assert!(problem(both).contains("one of `text` and `base64`"));
        let sent =
            EpisodeRequest::read(format!("{{{script}, \"priority\": 7}}").as_bytes()).unwrap();
        assert_eq!(sent.options, Options { priority: Some(7), ..Options::default() });
    }

    #[test]
    fn a_form_says_the_same_as_json() {
        let field = |name: &str, text: &str| (name.to_owned(), text.to_owned());
        let of_form = Options::of_fields(&BTreeMap::from([
            field("title", "7"),
            field("priority", "3"),
            field("scratch", "true"),
            field("loudness", "-18.5"),
        ]))
        .unwrap();
        let json = r#"{"title": "7", "priority": 3, "scratch": true, "loudness": -18.5}"#;
        assert_eq!(of_form, serde_json::from_str(json).unwrap());
        for (name, text) in [("prioritty", "1"), ("priority", "high"), ("scratch", "1")] {
            assert!(Options::of_fields(&BTreeMap::from([field(name, text)])).is_err(), "{name}");
        }
    }

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
