//! What a checkpoint's JSON files say, under the files' own field names.
//!
//! Only what inference reads is kept: the files carry many more fields, some of them dead and some
//! misleading. Fields without a default are required, because the Python classes' defaults are not
//! the releases' values.
//!
//! Source: `configuration_qwen3_tts.py` and `configuration_qwen3_tts_tokenizer_v2.py` of Qwen3-TTS
//! at `022e286`, `configuration_mimi.py` of transformers 4.57.3.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::LoadError;

/// Codes in a frame: one semantic, fifteen acoustic.
pub const CODES: usize = 16;

/// Ids at the top of the talker's vocabulary that are no codes but controls; the reference has this
/// number in its code, not in a file.
pub const CONTROLS: usize = 1024;

/// `config.json`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct ModelConfig {
    /// What the model was trained to take as a voice.
    pub tts_model_type: Kind,
    /// How large it is.
    pub tts_model_size: Size,
    /// Text id of `assistant`.
    pub assistant_token_id: u32,
    /// Text id of `<|im_start|>`.
    pub im_start_token_id: u32,
    /// Text id of `<|im_end|>`.
    pub im_end_token_id: u32,
    /// Text id laid under the position that closes the prompt's head.
    pub tts_bos_token_id: u32,
    /// Text id that ends the text.
    pub tts_eos_token_id: u32,
    /// Text id that stands for no text; projected like any other.
    pub tts_pad_token_id: u32,
    /// The frames' model.
    pub talker_config: TalkerConfig,
    /// The recordings' model; used by [`Kind::Base`] only, and all its fields have defaults.
    #[serde(default)]
    pub speaker_encoder_config: SpeakerConfig,
}

/// What a model takes as a voice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A recording.
    Base,
    /// One of the speakers it was trained with, by name.
    CustomVoice,
    /// A description in words.
    VoiceDesign,
}

/// How large a model is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
pub enum Size {
    /// 0.6 B: talker and predictor are equally wide, so nothing is projected between them.
    #[serde(rename = "0b6")]
    Small,
    /// 1.7 B.
    #[serde(rename = "1b7")]
    Large,
}

/// `talker_config` in `config.json`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct TalkerConfig {
    /// Codes, then [`CONTROLS`] ids that are none.
    pub vocab_size: usize,
    /// Model width.
    pub hidden_size: usize,
    /// Width inside the MLP.
    pub intermediate_size: usize,
    /// Layers.
    pub num_hidden_layers: usize,
    /// Query heads.
    pub num_attention_heads: usize,
    /// Key and value heads; divides the query heads.
    pub num_key_value_heads: usize,
    /// Width of a head; not `hidden_size / num_attention_heads`.
    pub head_dim: usize,
    /// Added to the variance in every norm.
    pub rms_norm_eps: f64,
    /// Base of the rotation's frequencies.
    pub rope_theta: f64,
    /// Positions a line may have, prompt included.
    pub max_position_embeddings: usize,
    /// Text ids, padding of the table included.
    pub text_vocab_size: usize,
    /// Width of a text embedding, before it is projected to `hidden_size`.
    pub text_hidden_size: usize,
    /// Codes in a frame, [`CODES`].
    pub num_code_groups: usize,
    /// The model of codes 1 to 15 of a frame.
    pub code_predictor_config: PredictorConfig,
    /// Talker id that precedes the first frame.
    pub codec_bos_id: u32,
    /// Talker id that ends a line.
    pub codec_eos_token_id: u32,
    /// Talker id that stands for no frame.
    pub codec_pad_id: u32,
    /// Talker id that announces a language.
    pub codec_think_id: u32,
    /// Talker id that announces none.
    pub codec_nothink_id: u32,
    /// Talker id in front of the language.
    pub codec_think_bos_id: u32,
    /// Talker id behind the language.
    pub codec_think_eos_id: u32,
    /// Talker ids of languages and dialects, by lower-case English name.
    pub codec_language_id: BTreeMap<String, u32>,
    /// Talker ids of speakers, by lower-case name; empty unless [`Kind::CustomVoice`].
    #[serde(default)]
    pub spk_id: BTreeMap<String, u32>,
    /// Which speakers speak a dialect; see [`TalkerConfig::dialect_of`].
    #[serde(default)]
    pub spk_is_dialect: BTreeMap<String, Dialect>,
    /// Must be `silu`.
    pub hidden_act: String,
    /// Must be false.
    pub attention_bias: bool,
    /// Must be false.
    #[serde(default)]
    pub use_sliding_window: bool,
}

impl TalkerConfig {
    /// Ids below this are codes.
    #[must_use]
    pub fn codebook_size(&self) -> usize {
        self.vocab_size - CONTROLS
    }

    /// The dialect a speaker speaks by default, a key of `codec_language_id`.
    #[must_use]
    pub fn dialect_of(&self, speaker: &str) -> Option<&str> {
        match self.spk_is_dialect.get(speaker)? {
            Dialect::Speaks(name) => Some(name),
            Dialect::Standard(_) => None,
        }
    }
}

/// A speaker's dialect, as the file has it: a name, or `false`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Dialect {
    /// None.
    Standard(bool),
    /// A key of `codec_language_id`.
    Speaks(String),
}

/// `code_predictor_config` in `talker_config`. The sampling fields nested there are dead.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct PredictorConfig {
    /// Codes.
    pub vocab_size: usize,
    /// Model width; its embeddings have the talker's.
    pub hidden_size: usize,
    /// Width inside the MLP.
    pub intermediate_size: usize,
    /// Layers.
    pub num_hidden_layers: usize,
    /// Query heads.
    pub num_attention_heads: usize,
    /// Key and value heads; divides the query heads.
    pub num_key_value_heads: usize,
    /// Width of a head; not `hidden_size / num_attention_heads`.
    pub head_dim: usize,
    /// Added to the variance in every norm.
    pub rms_norm_eps: f64,
    /// Base of the rotation's frequencies.
    pub rope_theta: f64,
    /// Codes in a frame, [`CODES`].
    pub num_code_groups: usize,
    /// Must be `silu`.
    pub hidden_act: String,
    /// Must be false.
    pub attention_bias: bool,
    /// Must be false.
    #[serde(default)]
    pub use_sliding_window: bool,
}

/// `speaker_encoder_config` in `config.json`; the releases set `enc_dim` and `sample_rate` only.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default)]
pub struct SpeakerConfig {
    /// Bands of the mel spectrogram.
    pub mel_dim: usize,
    /// Width of the embedding; the talker's.
    pub enc_dim: usize,
    /// Width of the first layer, of each block, and of what joins the blocks.
    pub enc_channels: Vec<usize>,
    /// Kernel of each.
    pub enc_kernel_sizes: Vec<usize>,
    /// Dilation of each.
    pub enc_dilations: Vec<usize>,
    /// Width inside the attentive pooling.
    pub enc_attention_channels: usize,
    /// Parts a block is split into.
    pub enc_res2net_scale: usize,
    /// Width inside squeeze and excitation.
    pub enc_se_channels: usize,
    /// Samples a second of the recording.
    pub sample_rate: u32,
}

impl Default for SpeakerConfig {
    fn default() -> Self {
        Self {
            mel_dim: 128,
            enc_dim: 1024,
            enc_channels: vec![512, 512, 512, 512, 1536],
            enc_kernel_sizes: vec![5, 3, 3, 3, 1],
            enc_dilations: vec![1, 2, 3, 4, 1],
            enc_attention_channels: 128,
            enc_res2net_scale: 8,
            enc_se_channels: 128,
            sample_rate: 24_000,
        }
    }
}

/// `generation_config.json`: how a line is sampled unless its request says otherwise.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default)]
pub struct GenerationConfig {
    /// Whether code 0 is drawn; if not, the likeliest is taken.
    pub do_sample: bool,
    /// Divides the talker's logits.
    pub temperature: f64,
    /// How many of the likeliest ids may be drawn; 0 is all.
    pub top_k: usize,
    /// How much probability the ids that may be drawn make up; 1 is all.
    pub top_p: f64,
    /// Weakens ids that the line already has; 1 is not at all.
    pub repetition_penalty: f64,
    /// Whether codes 1 to 15 are drawn.
    #[serde(rename = "subtalker_dosample")]
    pub subtalker_do_sample: bool,
    /// Divides the predictor's logits.
    pub subtalker_temperature: f64,
    /// As `top_k`, for the predictor.
    pub subtalker_top_k: usize,
    /// As `top_p`, for the predictor.
    pub subtalker_top_p: f64,
    /// Talker ids a line may have; a line that reaches it has one frame less.
    pub max_new_tokens: usize,
}

/// The reference's own constants, for what the file does not say.
impl Default for GenerationConfig {
    fn default() -> Self {
        Self {
            do_sample: true,
            temperature: 0.9,
            top_k: 50,
            top_p: 1.0,
            repetition_penalty: 1.05,
            subtalker_do_sample: true,
            subtalker_temperature: 0.9,
            subtalker_top_k: 50,
            subtalker_top_p: 1.0,
            max_new_tokens: 2048,
        }
    }
}

/// `speech_tokenizer/config.json`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct CodecConfig {
    /// Quantizers of the encoder whose codes are used, [`CODES`].
    pub encoder_valid_num_quantizers: usize,
    /// Samples a second of what is encoded.
    pub input_sample_rate: u32,
    /// Samples a second of what is decoded.
    pub output_sample_rate: u32,
    /// Samples of a decoded frame.
    pub decode_upsample_rate: usize,
    /// Samples that make a frame when encoded.
    pub encode_downsample_rate: usize,
    /// Codes to samples.
    pub decoder_config: CodecDecoderConfig,
    /// Samples to codes.
    #[serde(default)]
    pub encoder_config: CodecEncoderConfig,
}

/// `decoder_config` in `speech_tokenizer/config.json`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct CodecDecoderConfig {
    /// Codes.
    pub codebook_size: usize,
    /// Width of the summed books; a book's rows have half of it.
    pub codebook_dim: usize,
    /// Books, [`CODES`].
    pub num_quantizers: usize,
    /// Width between quantizer, transformer and upsampling.
    pub latent_dim: usize,
    /// Width inside the transformer.
    pub hidden_size: usize,
    /// Width inside its MLP.
    pub intermediate_size: usize,
    /// Its layers.
    pub num_hidden_layers: usize,
    /// Its query heads.
    pub num_attention_heads: usize,
    /// Its key and value heads.
    pub num_key_value_heads: usize,
    /// Width of a head; not `hidden_size / num_attention_heads`.
    pub head_dim: usize,
    /// Added to the variance in its norms.
    pub rms_norm_eps: f64,
    /// Base of the rotation's frequencies.
    pub rope_theta: f64,
    /// Positions a position attends to, itself included.
    pub sliding_window: usize,
    /// Width behind the first convolution; halved by every rate.
    pub decoder_dim: usize,
    /// Strides of the convolutional part, in order.
    pub upsample_rates: Vec<usize>,
    /// Strides in front of it, in order.
    pub upsampling_ratios: Vec<usize>,
    /// Must be `silu`.
    pub hidden_act: String,
    /// Must be false.
    pub attention_bias: bool,
}

/// `encoder_config` in `speech_tokenizer/config.json`; defaults are Mimi's.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default)]
pub struct CodecEncoderConfig {
    /// Codes.
    pub codebook_size: usize,
    /// Width of a book's rows.
    pub codebook_dim: usize,
    /// Books in the file; the first `encoder_valid_num_quantizers` are used.
    pub num_quantizers: usize,
    /// How many of them are semantic: 1.
    pub num_semantic_quantizers: usize,
    /// Channels behind the first convolution; doubled by every ratio.
    pub num_filters: usize,
    /// Strides, applied from the last to the first.
    pub upsampling_ratios: Vec<usize>,
    /// Kernel of the first convolution.
    pub kernel_size: usize,
    /// Kernel of the last convolution.
    pub last_kernel_size: usize,
    /// Kernel of a residual unit's first convolution.
    pub residual_kernel_size: usize,
    /// Residual units per stride: 1.
    pub num_residual_layers: usize,
    /// What a residual unit divides its channels by.
    pub compress: usize,
    /// Width of the transformer.
    pub hidden_size: usize,
    /// Width inside its MLP.
    pub intermediate_size: usize,
    /// Its layers.
    pub num_hidden_layers: usize,
    /// Its heads, for queries, keys and values alike.
    pub num_attention_heads: usize,
    /// The same number again.
    pub num_key_value_heads: usize,
    /// Width of a head.
    pub head_dim: usize,
    /// Added to the variance in its norms.
    pub norm_eps: f64,
    /// Base of the rotation's frequencies.
    pub rope_theta: f64,
    /// Must be `gelu`.
    pub hidden_act: String,
    /// Must be false.
    pub use_conv_shortcut: bool,
    /// Must be false.
    pub attention_bias: bool,
}

impl Default for CodecEncoderConfig {
    fn default() -> Self {
        Self {
            codebook_size: 2048,
            codebook_dim: 256,
            num_quantizers: 32,
            num_semantic_quantizers: 1,
            num_filters: 64,
            upsampling_ratios: vec![8, 6, 5, 4],
            kernel_size: 7,
            last_kernel_size: 3,
            residual_kernel_size: 3,
            num_residual_layers: 1,
            compress: 2,
            hidden_size: 512,
            intermediate_size: 2048,
            num_hidden_layers: 8,
            num_attention_heads: 8,
            num_key_value_heads: 8,
            head_dim: 64,
            norm_eps: 1e-5,
            rope_theta: 10_000.0,
            hidden_act: "gelu".to_owned(),
            use_conv_shortcut: false,
            attention_bias: false,
        }
    }
}

impl ModelConfig {
    /// Reads a release's `config.json` and refuses what this port does not do.
    ///
    /// # Errors
    /// [`LoadError`], naming the file and the field.
    pub fn read(path: &Path) -> Result<Self, LoadError> {
        let config: Self = read_json(path)?;
        super::check::model(&config).map_err(|mismatch| mismatch.in_file(path))?;
        Ok(config)
    }

    /// What voices call a release of this configuration: its published name in lower case, e.g.
    /// `qwen3-tts-12hz-1.7b-base`.
    #[must_use]
    pub fn release_name(&self) -> String {
        let size = match self.tts_model_size {
            Size::Small => "0.6b",
            Size::Large => "1.7b",
        };
        let kind = match self.tts_model_type {
            Kind::Base => "base",
            Kind::CustomVoice => "customvoice",
            Kind::VoiceDesign => "voicedesign",
        };
        format!("qwen3-tts-12hz-{size}-{kind}")
    }
}

impl CodecConfig {
    /// Reads a release's `speech_tokenizer/config.json` and refuses what this port does not do.
    ///
    /// # Errors
    /// [`LoadError`], naming the file and the field.
    pub fn read(path: &Path) -> Result<Self, LoadError> {
        let config: Self = read_json(path)?;
        super::check::codec(&config).map_err(|mismatch| mismatch.in_file(path))?;
        Ok(config)
    }
}

impl GenerationConfig {
    /// Reads a release's `generation_config.json`.
    ///
    /// # Errors
    /// [`LoadError`], naming the file.
    pub fn read(path: &Path) -> Result<Self, LoadError> {
        read_json(path)
    }
}

/// Reads a JSON file of a checkpoint.
///
/// # Errors
/// [`LoadError::Read`] and [`LoadError::Invalid`].
pub(super) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, LoadError> {
    let bytes =
        std::fs::read(path).map_err(|source| LoadError::Read { path: path.to_owned(), source })?;
    serde_json::from_slice(&bytes)
        .map_err(|error| LoadError::Invalid { path: path.to_owned(), problem: error.to_string() })
}
