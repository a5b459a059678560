//! The releases' configurations, for benches and tests that have no checkpoint at hand.
//!
//! Tensors of these sizes add up to the releases' published parameter counts, number for number.

use super::config::{
    CODES, CONTROLS, CodecConfig, CodecDecoderConfig, CodecEncoderConfig, Dialect, Kind,
    ModelConfig, PredictorConfig, Size, SpeakerConfig, TalkerConfig,
};

/// Text id of `<|endoftext|>`: the markers follow the 151 643 entries of the vocabulary.
const FIRST_MARKER: u32 = 151_643;

/// Codes of the talker; controls follow.
const CODEBOOK: usize = 2048;

impl ModelConfig {
    /// A release's configuration. There is no small [`Kind::VoiceDesign`]; one is made up.
    #[must_use]
    pub fn released(kind: Kind, size: Size) -> Self {
        let width = match size {
            Size::Small => 1024,
            Size::Large => 2048,
        };
        Self {
            tts_model_type: kind,
            tts_model_size: size,
            assistant_token_id: 77_091,
            im_start_token_id: FIRST_MARKER + 1,
            im_end_token_id: FIRST_MARKER + 2,
            tts_pad_token_id: FIRST_MARKER + 28,
            tts_bos_token_id: FIRST_MARKER + 29,
            tts_eos_token_id: FIRST_MARKER + 30,
            talker_config: talker(kind, width),
            speaker_encoder_config: SpeakerConfig { enc_dim: width, ..SpeakerConfig::default() },
        }
    }
}

impl CodecConfig {
    /// The codec's configuration, the same in every release.
    #[must_use]
    pub fn released() -> Self {
        Self {
            encoder_valid_num_quantizers: CODES,
            input_sample_rate: 24_000,
            output_sample_rate: 24_000,
            decode_upsample_rate: 1920,
            encode_downsample_rate: 1920,
            decoder_config: CodecDecoderConfig {
                codebook_size: CODEBOOK,
                codebook_dim: 512,
                num_quantizers: CODES,
                latent_dim: 1024,
                hidden_size: 512,
                intermediate_size: 1024,
                num_hidden_layers: 8,
                num_attention_heads: 16,
                num_key_value_heads: 16,
                head_dim: 64,
                rms_norm_eps: 1e-5,
                rope_theta: 10_000.0,
                sliding_window: 72,
                decoder_dim: 1536,
                upsample_rates: vec![8, 5, 4, 3],
                upsampling_ratios: vec![2, 2],
                hidden_act: "silu".to_owned(),
                attention_bias: false,
            },
            encoder_config: CodecEncoderConfig::default(),
        }
    }
}

fn talker(kind: Kind, width: usize) -> TalkerConfig {
    let mut languages = vec![
        ("english", 2050),
        ("german", 2053),
        ("spanish", 2054),
        ("chinese", 2055),
        ("japanese", 2058),
        ("french", 2061),
        ("korean", 2064),
        ("russian", 2069),
        ("italian", 2070),
        ("portuguese", 2071),
    ];
    let speakers = match kind {
        Kind::CustomVoice => {
            languages.extend([("sichuan_dialect", 2062), ("beijing_dialect", 2074)]);
            SPEAKERS
        }
        Kind::Base | Kind::VoiceDesign => &[],
    };
    TalkerConfig {
        vocab_size: CODEBOOK + CONTROLS,
        hidden_size: width,
        intermediate_size: 3 * width,
        num_hidden_layers: 28,
        num_attention_heads: 16,
        num_key_value_heads: 8,
        head_dim: 128,
        rms_norm_eps: 1e-6,
        rope_theta: 1e6,
        max_position_embeddings: 32_768,
        text_vocab_size: 151_936,
        text_hidden_size: 2048,
        num_code_groups: CODES,
        code_predictor_config: predictor(),
        codec_pad_id: 2148,
        codec_bos_id: 2149,
        codec_eos_token_id: 2150,
        codec_think_id: 2154,
        codec_nothink_id: 2155,
        codec_think_bos_id: 2156,
        codec_think_eos_id: 2157,
        codec_language_id: languages.into_iter().map(|(name, id)| (name.to_owned(), id)).collect(),
        spk_id: speakers.iter().map(|&(name, id, _)| (name.to_owned(), id)).collect(),
        spk_is_dialect: speakers
            .iter()
            .map(|&(name, _, is)| (name.to_owned(), dialect(is)))
            .collect(),
        hidden_act: "silu".to_owned(),
        attention_bias: false,
        use_sliding_window: false,
    }
}

/// Speakers by name, with talker id and dialect; "" is none.
const SPEAKERS: &[(&str, u32, &str)] = &[
    ("aiden", 2861, ""),
    ("dylan", 2878, "beijing_dialect"),
    ("eric", 2875, "sichuan_dialect"),
    ("ono_anna", 2873, ""),
    ("ryan", 3061, ""),
    ("serena", 3066, ""),
    ("sohee", 2864, ""),
    ("uncle_fu", 3010, ""),
    ("vivian", 3065, ""),
];

fn dialect(name: &str) -> Dialect {
    if name.is_empty() { Dialect::Standard(false) } else { Dialect::Speaks(name.to_owned()) }
}

fn predictor() -> PredictorConfig {
    PredictorConfig {
        vocab_size: CODEBOOK,
        hidden_size: 1024,
        intermediate_size: 3072,
        num_hidden_layers: 5,
        num_attention_heads: 16,
        num_key_value_heads: 8,
        head_dim: 128,
        rms_norm_eps: 1e-6,
        rope_theta: 1e6,
        num_code_groups: CODES,
        hidden_act: "silu".to_owned(),
        attention_bias: false,
        use_sliding_window: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::qwen3_tts::check;
    use crate::qwen3_tts::weights::Layout;

    #[test]
    fn tensors_and_parameters_add_up_to_the_published_counts() {
        let published = [
            (Kind::Base, Size::Small, 478, 914_643_008),
            (Kind::CustomVoice, Size::Small, 402, 905_788_672),
            (Kind::Base, Size::Large, 480, 1_928_677_440),
            (Kind::CustomVoice, Size::Large, 404, 1_916_676_352),
            (Kind::VoiceDesign, Size::Large, 404, 1_916_676_352),
        ];
        for (kind, size, tensors, parameters) in published {
            let layout = Layout::of_model(&ModelConfig::released(kind, size));
            assert_eq!(layout.shapes.len(), tensors, "{kind:?} {size:?}");
            assert_eq!(layout.parameters(), parameters, "{kind:?} {size:?}");
        }
        let codec = Layout::of_codec(&CodecConfig::released());
        assert_eq!((codec.shapes.len(), codec.parameters()), (496, 170_557_441));
        let encoder = codec.shapes.keys().filter(|name| name.starts_with("encoder.")).count();
        assert_eq!(encoder, 225);
    }

    #[test]
    fn the_releases_pass_the_checks() {
        for kind in [Kind::Base, Kind::CustomVoice, Kind::VoiceDesign] {
            for size in [Size::Small, Size::Large] {
                assert_eq!(check::model(&ModelConfig::released(kind, size)), Ok(()));
            }
        }
        assert_eq!(check::codec(&CodecConfig::released()), Ok(()));
    }
}
