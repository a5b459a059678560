//! A file of requests: one JSON object a line.

use std::collections::HashSet;
use std::path::Path;

use engine::qwen3_tts::prompt::Layout;
use engine::qwen3_tts::{Choosing, LineRequest, VoiceRequest, Who};
use schemas::LineId;
use serde::Deserialize;

/// One line of the file, under the file's own names.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RequestLine {
    /// Names the files that are written.
    id: String,
    /// What is said.
    text: String,
    /// The model's name of the language or BCP 47; the model finds out when absent.
    language: Option<String>,
    /// A speaker that the model was trained with.
    speaker: Option<String>,
    /// How it is said, or what the voice is like.
    instruct: Option<String>,
    /// A WAV file of who speaks.
    ref_audio: Option<String>,
    /// What is said in it.
    ref_text: Option<String>,
    /// Clones the timbre only.
    #[serde(default)]
    x_vector_only: bool,
    /// All the text in front, instead of word by word; the model's own choice when absent.
    non_streaming: Option<bool>,
    /// 0 when absent.
    #[serde(default)]
    seed: u64,
    /// Of the first code of each frame, as are all below; the release's own when absent.
    temperature: Option<f64>,
    top_k: Option<usize>,
    top_p: Option<f64>,
    repetition_penalty: Option<f64>,
    /// Ids that the line may have; by the text's length when absent.
    max_new_tokens: Option<usize>,
}

/// A request, or why it is none.
#[derive(Debug)]
pub(super) struct Asked {
    /// The request's id or, where it has none that can be used, its place in the file.
    pub(super) name: String,
    /// What is asked for.
    pub(super) request: Result<(LineId, LineRequest), String>,
}

/// Reads requests; empty lines are none. Paths are taken to be relative to `folder`.
pub(super) fn read(text: &str, folder: &Path, is_greedy: bool) -> Vec<Asked> {
    let mut ids = HashSet::new();
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines.map(|(at, line)| asked(at + 1, line, folder, is_greedy, &mut ids)).collect()
}

fn asked(
    number: usize,
    line: &str,
    folder: &Path,
    is_greedy: bool,
    ids: &mut HashSet<LineId>,
) -> Asked {
    let place = format!("line {number}");
    let line: RequestLine = match serde_json::from_str(line) {
        Ok(line) => line,
        Err(error) => return Asked { name: place, request: Err(error.to_string()) },
    };
    let id = match LineId::parse(line.id.clone()) {
        Ok(id) => id,
        Err(error) => return Asked { name: place, request: Err(error.to_string()) },
    };
    let name = id.to_string();
    if !ids.insert(id.clone()) {
        let problem = format!("{name} is the id of an earlier line; give every line its own");
        return Asked { name: place, request: Err(problem) };
    }
    Asked { name, request: line.request(folder, is_greedy).map(|request| (id, request)) }
}

impl RequestLine {
    fn request(self, folder: &Path, is_greedy: bool) -> Result<LineRequest, String> {
        let who = self.who(folder)?;
        let layout = |is_whole| if is_whole { Layout::Whole } else { Layout::Streaming };
        Ok(LineRequest {
            text: self.text,
            voice: VoiceRequest {
                who,
                instruct: self.instruct,
                language: self.language.unwrap_or_default(),
                layout: self.non_streaming.map(layout),
            },
            choosing: Choosing {
                is_greedy,
                temperature: self.temperature,
                top_k: self.top_k,
                top_p: self.top_p,
                repetition_penalty: self.repetition_penalty,
                max_new_tokens: self.max_new_tokens,
            },
            seed: self.seed,
        })
    }

    fn who(&self, folder: &Path) -> Result<Who, String> {
        let speaker = self.speaker.as_deref().filter(|speaker| !speaker.is_empty());
        match (&self.ref_audio, speaker) {
            (None, None) => Ok(Who::Described),
            (None, Some(name)) => Ok(Who::Named(name.to_owned())),
            (Some(_), Some(_)) => Err("speaker and ref_audio are two voices; leave one out".into()),
            (Some(audio), None) => {
                let transcript = match (&self.ref_text, self.x_vector_only) {
                    (_, true) => None,
                    (Some(text), false) => Some(text.clone()),
                    (None, false) => {
                        return Err("ref_text is missing; give it, or set x_vector_only".into());
                    }
                };
                let recording = folder.join(audio).to_string_lossy().into_owned();
                Ok(Who::Recorded { recording, transcript })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_one(line: &str) -> Asked {
        read(line, Path::new("/here"), false).remove(0)
    }

    #[test]
    fn what_is_asked_for_becomes_a_voice() {
        for (line, expected) in [
            (r#"{"id": "a", "text": "t"}"#, Who::Described),
            (r#"{"id": "a", "text": "t", "speaker": "ryan"}"#, Who::Named("ryan".into())),
            (
                r#"{"id": "a", "text": "t", "ref_audio": "v.wav", "ref_text": "r"}"#,
                Who::Recorded { recording: "/here/v.wav".into(), transcript: Some("r".into()) },
            ),
            (
                r#"{"id": "a", "text": "t", "ref_audio": "/v.wav", "x_vector_only": true}"#,
                Who::Recorded { recording: "/v.wav".into(), transcript: None },
            ),
        ] {
            assert_eq!(read_one(line).request.unwrap().1.voice.who, expected, "{line}");
        }
    }

    #[test]
    fn a_line_that_is_no_request_says_why_and_costs_no_other() {
        let text = concat!(
            "{\"id\": \"a\", \"text\": \"t\"}\n",
            "\n",
            "{\"id\": \"../a\", \"text\": \"t\"}\n",
            "{\"id\": \"a\", \"text\": \"again\"}\n",
            "{\"id\": \"b\"}\n",
            "{\"id\": \"c\", \"text\": \"t\", \"tempo\": 1}\n",
            "{\"id\": \"d\", \"text\": \"t\", \"ref_audio\": \"v.wav\"}\n",
            "{\"id\": \"e\", \"text\": \"t\", \"seed\": 7}\n",
        );
        let asked = read(text, Path::new("."), true);
        let names: Vec<_> = asked.iter().map(|asked| asked.name.as_str()).collect();
        assert_eq!(names, ["a", "line 3", "line 4", "line 5", "line 6", "d", "e"]);
        let good: Vec<_> = asked.iter().map(|asked| asked.request.is_ok()).collect();
        assert_eq!(good, [true, false, false, false, false, false, true]);
        let (_, last) = asked.last().unwrap().request.as_ref().unwrap();
        assert_eq!((last.seed, last.choosing.is_greedy), (7, true));
    }
}
