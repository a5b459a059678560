//! An episode as it is asked for: a body of JSON, or a form's fields.

use std::collections::BTreeMap;

use axum::body::Bytes;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use schemars::JsonSchema;
use schemas::{EpisodeId, Mastering, Tag};
use serde::{Deserialize, Serialize};

use super::problem::{Mistake, Problem};
use super::upload::{Sent, SentFile, add_recording, mistake, shown};

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
    pub(super) episode: Option<EpisodeId>,
    /// What people call it, in place of the cast's and the script's own title.
    pub(super) title: Option<String>,
    /// Higher goes first; 5 when absent.
    #[schemars(range(min = 0, max = 9))]
    pub(super) priority: Option<u8>,
    /// Its share of the farm among episodes of its priority; 1 when absent.
    #[schemars(range(min = 1, max = 100))]
    pub(super) shares: Option<u32>,
    /// The tag of the workers that are to speak it; any worker when absent.
    pub(super) tag: Option<Tag>,
    /// Which engine is to speak a model's lines, by the model's name; that of the workers when absent.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) engines: BTreeMap<String, String>,
    /// How often a line is tried before it is given up on; 3 when absent.
    #[schemars(range(min = 1, max = 100))]
    pub(super) attempts: Option<u32>,
    /// Whether everybody speaks with a scratch voice: a timing track without weights.
    #[serde(default)]
    pub(super) scratch: bool,
    /// Whether lines that are sung throughout are left out.
    #[serde(default)]
    pub(super) skip_lyrics: bool,
    /// Loudness of every voice over the episode, in LUFS; -20 when absent.
    #[schemars(range(min = -40.0, max = -6.0))]
    pub(super) loudness: Option<f32>,
    /// Bit rate of the AAC files, in kbit/s; 64 when absent.
    #[schemars(range(min = 24, max = 256))]
    pub(super) bitrate: Option<u32>,
    /// Sample rate of masters and AAC files, in Hz: 24000, 44100 or 48000; 24000 when absent.
    pub(super) rate: Option<u32>,
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

fn decode(name: &str, base64: &str) -> Result<Bytes, Problem> {
    let decoded = STANDARD.decode(base64).map(Bytes::from);
    decoded.map_err(|_| mistake(&shown(name), "this is not base64", "encode the file's bytes"))
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

    /// Checks what no type does.
    ///
    /// # Errors
    /// A problem that names the first field that is out of range.
    pub(super) fn check(&self) -> Result<(), Problem> {
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

    /// How takes are to be mastered.
    pub(super) fn mastering(&self) -> Mastering {
        let usual = Mastering::default();
        Mastering {
            target_lufs: self.loudness.unwrap_or(usual.target_lufs),
            bitrate_bps: self.bitrate.map_or(usual.bitrate_bps, |kbit| kbit * 1_000),
            rate_hz: self.rate.unwrap_or(usual.rate_hz),
            ..usual
        }
    }
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
}
