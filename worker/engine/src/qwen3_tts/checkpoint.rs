//! A release on disk: every file that inference reads, held against each other.

use std::path::Path;

use super::LoadError;
use super::config::{CodecConfig, GenerationConfig, ModelConfig};
use super::tokenizer::{Tokenizer, Words};
use super::weights::{Layout, Pins, Weights};

/// An opened release. Weights are mapped, not yet read.
#[derive(Debug, Clone)]
pub struct Checkpoint {
    /// `config.json`.
    pub model: ModelConfig,
    /// `generation_config.json`.
    pub generation: GenerationConfig,
    /// `speech_tokenizer/config.json`.
    pub codec: CodecConfig,
    /// Text to ids.
    pub tokenizer: Tokenizer,
    /// `model.safetensors`: talker, predictor and, in a base model, the speaker encoder.
    pub model_weights: Weights,
    /// `speech_tokenizer/model.safetensors`: the codec's encoder and decoder.
    pub codec_weights: Weights,
}

impl Checkpoint {
    /// Opens a release in the layout it is published in.
    ///
    /// The weights' files must not be written to as long as this lives.
    ///
    /// # Errors
    /// [`LoadError`], naming the file; pins are looked at first.
    pub fn open(release: &Path, words: Words, pins: &Pins) -> Result<Self, LoadError> {
        pins.verify(release)?;
        let config_path = release.join("config.json");
        let model = ModelConfig::read(&config_path)?;
        let generation = GenerationConfig::read(&release.join("generation_config.json"))?;
        let tokenizer = Tokenizer::open(release, words)?;
        tokenizer.check(&model, &config_path)?;
        let speech = release.join("speech_tokenizer");
        let codec_path = speech.join("config.json");
        let codec = CodecConfig::read(&codec_path)?;
        let (found, expected) =
            (codec.decoder_config.codebook_size, model.talker_config.codebook_size());
        if found != expected {
            return Err(LoadError::Unsupported {
                path: codec_path,
                field: "decoder_config.codebook_size",
                found: found.to_string(),
                expected: format!("{expected}, which the talker has"),
            });
        }
        Ok(Self {
            model_weights: Weights::open(
                &release.join("model.safetensors"),
                &Layout::of_model(&model),
            )?,
            codec_weights: Weights::open(
                &speech.join("model.safetensors"),
                &Layout::of_codec(&codec),
            )?,
            model,
            generation,
            codec,
            tokenizer,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::qwen3_tts::config::{Kind, Size};

    /// A copy of a shipped release that a test may spoil.
    fn copy(release: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let from = fixtures::path(&format!("reference/{release}"));
        std::fs::create_dir(folder.path().join("speech_tokenizer")).unwrap();
        for part in ["", "speech_tokenizer"] {
            for entry in std::fs::read_dir(from.join(part)).unwrap() {
                let entry = entry.unwrap();
                if entry.path().is_file() {
                    let to = folder.path().join(part).join(entry.file_name());
                    std::fs::copy(entry.path(), to).unwrap();
                }
            }
        }
        folder
    }

    fn open(folder: &tempfile::TempDir) -> Result<Checkpoint, LoadError> {
        Checkpoint::open(folder.path(), Words::Native, &Pins::default())
    }

    /// The message with which a release is refused in one of whose files a text is replaced.
    fn refusal(file: &str, from: &str, to: &str) -> String {
        let folder = copy("s1/base-0b6");
        let path = folder.path().join(file);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{file} has no {from}");
        std::fs::write(&path, text.replacen(from, to, 1)).unwrap();
        let message = open(&folder).unwrap_err().to_string();
        message.replacen(&format!("{}/", folder.path().display()), "", 1)
    }

    #[test]
    fn every_kind_of_release_opens() {
        for (name, kind, size) in [
            ("s1/base-0b6", Kind::Base, Size::Small),
            ("s1/base-1b7", Kind::Base, Size::Large),
            ("s1/custom_voice-0b6", Kind::CustomVoice, Size::Small),
            ("s1/custom_voice-1b7", Kind::CustomVoice, Size::Large),
            ("s1/voice_design-1b7", Kind::VoiceDesign, Size::Large),
        ] {
            let release = fixtures::path(&format!("reference/{name}"));
            let opened = Checkpoint::open(&release, Words::Native, &Pins::default()).unwrap();
            assert_eq!((opened.model.tts_model_type, opened.model.tts_model_size), (kind, size));
            assert_eq!(opened.generation.max_new_tokens, 8192);
            assert_eq!(opened.codec.decode_upsample_rate, 1920);
        }
    }

    #[test]
    fn a_speakers_dialect_is_read_where_there_is_one() {
        let release = fixtures::path("reference/s1/custom_voice-1b7");
        let config = ModelConfig::read(&release.join("config.json")).unwrap().talker_config;
        assert_eq!(config.dialect_of("eric"), Some("sichuan_dialect"));
        assert_eq!(config.dialect_of("ryan"), None);
        assert_eq!(config.dialect_of("nobody"), None);
        assert_eq!(config.codebook_size(), 64);
    }

    #[test]
    fn what_the_port_does_not_do_is_refused_by_field() {
        for (file, from, to, message) in [
            (
                "config.json",
                "\"hidden_act\": \"silu\"",
                "\"hidden_act\": \"gelu\"",
                "config.json is not supported: code_predictor_config.hidden_act is gelu, \
                 expected silu",
            ),
            (
                "config.json",
                "\"num_key_value_heads\": 2",
                "\"num_key_value_heads\": 3",
                "config.json is not supported: code_predictor_config.num_key_value_heads is 3, \
                 expected a divisor of 4",
            ),
            (
                "config.json",
                "\"codec_eos_token_id\": 166",
                "\"codec_eos_token_id\": 1088",
                "config.json is not supported: talker_config.codec_eos_token_id is 1088, \
                 expected below 1088",
            ),
            (
                "speech_tokenizer/config.json",
                "\"decode_upsample_rate\": 1920",
                "\"decode_upsample_rate\": 960",
                "speech_tokenizer/config.json is not supported: decode_upsample_rate is 960, \
                 expected 1920",
            ),
        ] {
            assert_eq!(refusal(file, from, to), message);
        }
    }

    #[test]
    fn a_configuration_that_describes_other_weights_is_refused_by_tensor() {
        let message =
            refusal("config.json", "\"intermediate_size\": 40", "\"intermediate_size\": 48");
        let expected = "model.safetensors: tensor \
            talker.code_predictor.model.layers.0.mlp.down_proj.weight: is [24, 40], expected \
            [24, 48]";
        assert_eq!(message, expected);
    }

    #[test]
    fn a_field_that_is_missing_is_named() {
        let message = refusal("config.json", "\"tts_pad_token_id\"", "\"tts_pad_id\"");
        assert!(message.starts_with("config.json is not valid: missing field `tts_pad_token_id`"));
    }

    #[test]
    fn a_kind_nobody_released_is_refused() {
        let message = refusal("config.json", "\"base\"", "\"singing\"");
        assert!(message.contains("unknown variant `singing`"), "{message}");
    }

    #[test]
    fn a_release_that_is_not_the_pinned_one_is_not_opened() {
        let folder = copy("s1/base-0b6");
        let mut pins = Pins::default();
        pins.sha256.insert("model.safetensors".to_owned(), "0".repeat(64));
        let error = Checkpoint::open(folder.path(), Words::Native, &pins).unwrap_err();
        assert!(matches!(error, LoadError::Pin { .. }), "{error}");
    }

    #[test]
    fn a_release_without_one_of_its_files_names_it() {
        for file in [
            "config.json",
            "generation_config.json",
            "vocab.json",
            "merges.txt",
            "tokenizer_config.json",
            "model.safetensors",
            "speech_tokenizer/config.json",
            "speech_tokenizer/model.safetensors",
        ] {
            let folder = copy("s1/base-0b6");
            std::fs::remove_file(folder.path().join(file)).unwrap();
            let message = open(&folder).unwrap_err().to_string();
            assert!(message.ends_with(file), "{file}: {message}");
        }
    }
}
