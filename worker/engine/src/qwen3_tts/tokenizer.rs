//! Text to ids: byte-level BPE, and the templates that a line, a transcript and an instruction are
//! wrapped in before they are cut into ids.
//!
//! Source: `Qwen3TTSModel` in `qwen3_tts_model.py` of Qwen3-TTS at `022e286`, `Qwen2TokenizerFast`
//! of transformers 4.57.3.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use tokenizers::models::bpe::{BPE, Vocab};
use tokenizers::normalizers::unicode::NFC;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::{AddedToken, SplitDelimiterBehavior};

use super::LoadError;
use super::config::{ModelConfig, read_json};

/// How text is cut into words before the merges are applied.
///
/// The reference takes one or the other, depending on how a release was loaded. They differ on
/// capitals inside words, on combining marks and on some slashes and contractions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Words {
    /// As the models were trained: Qwen's own pattern.
    #[default]
    Native,
    /// Mistral's pattern, which the reference puts in for a release in a local folder.
    Patched,
}

impl Words {
    fn pattern(self) -> &'static str {
        match self {
            Self::Native => concat!(
                r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}",
                r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
            ),
            Self::Patched => concat!(
                r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+",
                r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*",
                r"|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
            ),
        }
    }
}

/// A release's files that text is cut by, as texts.
pub(super) struct Files<'a> {
    /// `vocab.json`.
    pub(super) vocab: &'a str,
    /// `merges.txt`.
    pub(super) merges: &'a str,
    /// `tokenizer_config.json`.
    pub(super) config: &'a str,
}

/// Ids a template puts in front of the text: `<|im_start|>`, `assistant`, newline.
const ROLE: usize = 3;

/// Ids a line's template puts behind the text.
const LINE_END: usize = 5;

/// Ids a transcript's template puts behind the text.
const TRANSCRIPT_END: usize = 2;

/// Cuts text into a release's ids.
#[derive(Debug, Clone)]
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
    /// Texts that become one id wherever they stand, e.g. `<|im_end|>`, with that id.
    markers: BTreeMap<String, u32>,
}

impl Tokenizer {
    /// Reads `vocab.json`, `merges.txt` and `tokenizer_config.json` of a release.
    ///
    /// # Errors
    /// [`LoadError::Read`] and [`LoadError::Invalid`], the latter also for a marker whose id is not
    /// the one the vocabulary leaves for it.
    pub fn open(release: &Path, words: Words) -> Result<Self, LoadError> {
        let config_path = release.join("tokenizer_config.json");
        let config = read_json(&config_path)?;
        Self::with_markers(read_merges(release)?, config, config_path, words)
    }

    /// The same of files that are in memory; `place` is what errors blame.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub(super) fn of(files: &Files, place: &Path, words: Words) -> Result<Self, LoadError> {
        let invalid = |problem: String| LoadError::Invalid { path: place.to_owned(), problem };
        let vocab: HashMap<String, u32> =
            serde_json::from_str(files.vocab).map_err(|error| invalid(error.to_string()))?;
        let merges = files
            .merges
            .lines()
            .filter(|line| !line.starts_with("#version"))
            .map(|line| line.split_once(' ').map(|(a, b)| (a.to_owned(), b.to_owned())))
            .collect::<Option<Vec<_>>>()
            .ok_or_else(|| invalid("a merge is not of two parts".to_owned()))?;
        let bpe = BPE::builder()
            .vocab_and_merges(vocab.into_iter().collect::<Vocab>(), merges)
            .build()
            .map_err(|error| invalid(error.to_string()))?;
        let config =
            serde_json::from_str(files.config).map_err(|error| invalid(error.to_string()))?;
        Self::with_markers(bpe, config, place.to_owned(), words)
    }

    fn with_markers(
        bpe: BPE,
        config: TokenizerConfig,
        config_path: PathBuf,
        words: Words,
    ) -> Result<Self, LoadError> {
        let mut inner = tokenizers::Tokenizer::new(bpe);
        let invalid = |error: tokenizers::Error| LoadError::Invalid {
            path: config_path.clone(),
            problem: error.to_string(),
        };
        inner.with_normalizer(Some(NFC)).map_err(invalid)?;
        inner.with_pre_tokenizer(Some(pre_tokenizer(words)));
        let mut markers = BTreeMap::new();
        for (id, marker) in config.added_tokens_decoder {
            let token = AddedToken::from(marker.content.clone(), marker.special)
                .normalized(marker.normalized)
                .lstrip(marker.lstrip)
                .rstrip(marker.rstrip)
                .single_word(marker.single_word);
            inner.add_tokens([token]).map_err(invalid)?;
            let found = inner.token_to_id(&marker.content);
            if found != Some(id) {
                let problem = format!("{} is id {id}, would be {found:?}", marker.content);
                return Err(LoadError::Invalid { path: config_path, problem });
            }
            markers.insert(marker.content, id);
        }
        Ok(Self { inner, markers })
    }

    /// Holds the ids that `config.json` names to the ones that text is cut into.
    ///
    /// # Errors
    /// [`LoadError::Unsupported`], naming the first that differs; `path` is what it blames.
    pub fn check(&self, config: &ModelConfig, path: &Path) -> Result<(), LoadError> {
        let named = [
            ("assistant_token_id", config.assistant_token_id, "assistant"),
            ("im_start_token_id", config.im_start_token_id, "<|im_start|>"),
            ("im_end_token_id", config.im_end_token_id, "<|im_end|>"),
            ("tts_bos_token_id", config.tts_bos_token_id, "<tts_text_bos>"),
            ("tts_eos_token_id", config.tts_eos_token_id, "<tts_text_eod>"),
            ("tts_pad_token_id", config.tts_pad_token_id, "<tts_pad>"),
        ];
        for (field, id, text) in named {
            let found = self.encode(text);
            if found != [id] {
                return Err(LoadError::Unsupported {
                    path: path.to_owned(),
                    field,
                    found: id.to_string(),
                    expected: format!("{found:?}, which {text} is in the vocabulary"),
                });
            }
        }
        Ok(())
    }

    /// Cuts text into ids as it stands. Markers in it become their ids.
    ///
    /// # Panics
    /// Never: only truncation and post-processing can fail, and there is neither.
    #[must_use]
    pub fn encode(&self, text: &str) -> Vec<u32> {
        let encoding = self.inner.encode_fast(text, false);
        encoding.expect("there is nothing in it that can fail").get_ids().to_vec()
    }

    /// The ids of a line to be spoken. Pass text without markers: see [`Self::without_markers`].
    #[must_use]
    pub fn line(&self, text: &str) -> LineIds {
        let wrapped = format!("<|im_start|>assistant\n{text}<|im_end|>\n<|im_start|>assistant\n");
        LineIds { ids: self.encode(&wrapped) }
    }

    /// The ids of what is said in a recording, without their template.
    #[must_use]
    pub fn transcript(&self, text: &str) -> Vec<u32> {
        let mut ids = self.encode(&format!("<|im_start|>assistant\n{text}<|im_end|>\n"));
        ids.truncate(ids.len().saturating_sub(TRANSCRIPT_END));
        ids.drain(..ROLE.min(ids.len()));
        ids
    }

    /// The ids of an instruction or a voice's description, all of which are used.
    #[must_use]
    pub fn instruct(&self, text: &str) -> Vec<u32> {
        self.encode(&format!("<|im_start|>user\n{text}<|im_end|>\n"))
    }

    /// Takes markers out of text, so that nobody's text can end a line or start a turn.
    ///
    /// Repeats until there are none: taking one out can join another.
    #[must_use]
    pub fn without_markers<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut text = Cow::Borrowed(text);
        while let Some(marker) = self.markers.keys().find(|marker| text.contains(marker.as_str())) {
            text = Cow::Owned(text.replace(marker.as_str(), ""));
        }
        text
    }
}

/// A line's ids with its template around them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineIds {
    /// All of them: at least 8, which is what an empty text has.
    pub ids: Vec<u32>,
}

impl LineIds {
    /// The three ids a prompt begins with.
    #[must_use]
    pub fn role(&self) -> &[u32] {
        &self.ids[..ROLE]
    }

    /// The text's ids; none for an empty text.
    #[must_use]
    pub fn text(&self) -> &[u32] {
        &self.ids[ROLE..self.end()]
    }

    /// The id that a streaming prompt ends with, and those that follow frame by frame.
    ///
    /// An empty text gives the template's `<|im_end|>`, as in the reference.
    #[must_use]
    pub fn first_and_rest(&self) -> (u32, &[u32]) {
        let rest = ROLE + 1;
        (self.ids[ROLE], &self.ids[rest..self.end().max(rest)])
    }

    fn end(&self) -> usize {
        self.ids.len() - LINE_END
    }
}

/// What is read of `tokenizer_config.json`.
#[derive(Debug, Deserialize)]
struct TokenizerConfig {
    /// By id, which JSON makes a string.
    added_tokens_decoder: BTreeMap<u32, Marker>,
}

/// A text that becomes one id wherever it stands.
#[derive(Debug, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "the file has them")]
struct Marker {
    content: String,
    special: bool,
    normalized: bool,
    lstrip: bool,
    rstrip: bool,
    single_word: bool,
}

/// Reads `vocab.json` and `merges.txt`.
fn read_merges(release: &Path) -> Result<BPE, LoadError> {
    let [vocab, merges] = ["vocab.json", "merges.txt"].map(|name| release.join(name));
    for path in [&vocab, &merges] {
        std::fs::metadata(path).map_err(|source| LoadError::Read { path: path.clone(), source })?;
    }
    let invalid = |problem| LoadError::Invalid { path: vocab.clone(), problem };
    let (Some(vocab_path), Some(merges_path)) = (vocab.to_str(), merges.to_str()) else {
        return Err(invalid("its path is not Unicode".to_owned()));
    };
    BPE::from_file(vocab_path, merges_path).build().map_err(|error| invalid(error.to_string()))
}

fn pre_tokenizer(words: Words) -> Sequence {
    let pattern = SplitPattern::Regex(words.pattern().to_owned());
    let split = Split::new(pattern, SplitDelimiterBehavior::Isolated, false)
        .expect("both patterns are constants and compile");
    let bytes = ByteLevel::default().add_prefix_space(false).use_regex(false);
    Sequence::new(vec![split.into(), bytes.into()])
}

#[cfg(test)]
mod tests;
