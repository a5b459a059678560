//! Refuses configurations that describe another model than the one ported here.

use std::fmt::Display;
use std::path::Path;

use super::LoadError;
use super::config::{
    CODES, CONTROLS, CodecConfig, CodecDecoderConfig, CodecEncoderConfig, Kind, ModelConfig,
    PredictorConfig, SpeakerConfig, TalkerConfig,
};

/// A field that is not what it must be; the file it stands in is added by [`Mismatch::in_file`].
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mismatch {
    field: &'static str,
    found: String,
    expected: String,
}

impl Mismatch {
    /// The error a caller sees.
    pub(super) fn in_file(self, path: &Path) -> LoadError {
        let Self { field, found, expected } = self;
        LoadError::Unsupported { path: path.to_owned(), field, found, expected }
    }
}

type Checked = Result<(), Mismatch>;

/// Holds `config.json` to what the port assumes.
pub(super) fn model(config: &ModelConfig) -> Checked {
    talker(&config.talker_config)?;
    predictor(&config.talker_config, &config.talker_config.code_predictor_config)?;
    text_ids(config)?;
    match config.tts_model_type {
        Kind::Base => speaker(config),
        Kind::CustomVoice | Kind::VoiceDesign => Ok(()),
    }
}

/// Holds `speech_tokenizer/config.json` to what the port assumes.
pub(super) fn codec(config: &CodecConfig) -> Checked {
    equal("encoder_valid_num_quantizers", config.encoder_valid_num_quantizers, CODES)?;
    decoder(&config.decoder_config)?;
    encoder(&config.encoder_config)?;
    let decoder = &config.decoder_config;
    let upsampled: usize =
        decoder.upsample_rates.iter().chain(&decoder.upsampling_ratios).product();
    equal("decode_upsample_rate", config.decode_upsample_rate, upsampled)?;
    let downsampled = 2 * config.encoder_config.upsampling_ratios.iter().product::<usize>();
    equal("encode_downsample_rate", config.encode_downsample_rate, downsampled)?;
    equal(
        "encoder_config.codebook_size",
        config.encoder_config.codebook_size,
        decoder.codebook_size,
    )
}

fn talker(config: &TalkerConfig) -> Checked {
    equal("talker_config.num_code_groups", config.num_code_groups, CODES)?;
    equal("talker_config.hidden_act", config.hidden_act.as_str(), "silu")?;
    equal("talker_config.attention_bias", config.attention_bias, false)?;
    equal("talker_config.use_sliding_window", config.use_sliding_window, false)?;
    even("talker_config.head_dim", config.head_dim)?;
    divides(
        "talker_config.num_key_value_heads",
        config.num_key_value_heads,
        config.num_attention_heads,
    )?;
    if config.vocab_size <= CONTROLS {
        return mismatch("talker_config.vocab_size", config.vocab_size, "more than 1024");
    }
    let ids = [
        ("talker_config.codec_bos_id", config.codec_bos_id),
        ("talker_config.codec_eos_token_id", config.codec_eos_token_id),
        ("talker_config.codec_pad_id", config.codec_pad_id),
        ("talker_config.codec_think_id", config.codec_think_id),
        ("talker_config.codec_nothink_id", config.codec_nothink_id),
        ("talker_config.codec_think_bos_id", config.codec_think_bos_id),
        ("talker_config.codec_think_eos_id", config.codec_think_eos_id),
    ];
    let languages =
        config.codec_language_id.values().map(|&id| ("talker_config.codec_language_id", id));
    let speakers = config.spk_id.values().map(|&id| ("talker_config.spk_id", id));
    for (field, id) in ids.into_iter().chain(languages).chain(speakers) {
        below(field, id, config.vocab_size)?;
    }
    for speaker in config.spk_is_dialect.keys() {
        let dialect = config.dialect_of(speaker);
        if dialect.is_some_and(|name| !config.codec_language_id.contains_key(name)) {
            return mismatch("talker_config.spk_is_dialect", speaker, "a language or false");
        }
    }
    Ok(())
}

fn predictor(talker: &TalkerConfig, config: &PredictorConfig) -> Checked {
    equal("code_predictor_config.num_code_groups", config.num_code_groups, CODES)?;
    equal("code_predictor_config.vocab_size", config.vocab_size, talker.codebook_size())?;
    equal("code_predictor_config.hidden_act", config.hidden_act.as_str(), "silu")?;
    equal("code_predictor_config.attention_bias", config.attention_bias, false)?;
    equal("code_predictor_config.use_sliding_window", config.use_sliding_window, false)?;
    even("code_predictor_config.head_dim", config.head_dim)?;
    divides(
        "code_predictor_config.num_key_value_heads",
        config.num_key_value_heads,
        config.num_attention_heads,
    )
}

fn text_ids(config: &ModelConfig) -> Checked {
    let ids = [
        ("assistant_token_id", config.assistant_token_id),
        ("im_start_token_id", config.im_start_token_id),
        ("im_end_token_id", config.im_end_token_id),
        ("tts_bos_token_id", config.tts_bos_token_id),
        ("tts_eos_token_id", config.tts_eos_token_id),
        ("tts_pad_token_id", config.tts_pad_token_id),
    ];
    ids.into_iter()
        .try_for_each(|(field, id)| below(field, id, config.talker_config.text_vocab_size))
}

fn speaker(model: &ModelConfig) -> Checked {
    let SpeakerConfig {
        enc_dim,
        enc_channels,
        enc_kernel_sizes,
        enc_dilations,
        enc_res2net_scale,
        ..
    } = &model.speaker_encoder_config;
    equal("speaker_encoder_config.enc_dim", *enc_dim, model.talker_config.hidden_size)?;
    if enc_channels.len() < 3 {
        return mismatch("speaker_encoder_config.enc_channels", enc_channels.len(), "3 or more");
    }
    let layers = enc_channels.len();
    equal("speaker_encoder_config.enc_kernel_sizes", enc_kernel_sizes.len(), layers)?;
    equal("speaker_encoder_config.enc_dilations", enc_dilations.len(), layers)?;
    let (last, blocks) = (enc_channels[layers - 1], &enc_channels[1..layers - 1]);
    equal("speaker_encoder_config.enc_channels", blocks.iter().sum::<usize>(), last)?;
    let parts = *enc_res2net_scale;
    if parts < 2 {
        return mismatch("speaker_encoder_config.enc_res2net_scale", parts, "2 or more");
    }
    for &width in &enc_channels[..layers - 1] {
        equal("speaker_encoder_config.enc_channels", width, enc_channels[0])?;
        divides("speaker_encoder_config.enc_res2net_scale", parts, width)?;
    }
    Ok(())
}

fn decoder(config: &CodecDecoderConfig) -> Checked {
    equal("decoder_config.num_quantizers", config.num_quantizers, CODES)?;
    equal("decoder_config.hidden_act", config.hidden_act.as_str(), "silu")?;
    equal("decoder_config.attention_bias", config.attention_bias, false)?;
    even("decoder_config.codebook_dim", config.codebook_dim)?;
    even("decoder_config.head_dim", config.head_dim)?;
    divides(
        "decoder_config.num_key_value_heads",
        config.num_key_value_heads,
        config.num_attention_heads,
    )?;
    let halvings = u32::try_from(config.upsample_rates.len()).unwrap_or(u32::MAX);
    let Some(halved) = 2usize.checked_pow(halvings) else {
        return mismatch("decoder_config.upsample_rates", halvings, "a few");
    };
    divides("decoder_config.decoder_dim", halved, config.decoder_dim)?;
    if config.sliding_window == 0 {
        return mismatch("decoder_config.sliding_window", 0, "1 or more");
    }
    Ok(())
}

fn encoder(config: &CodecEncoderConfig) -> Checked {
    if config.num_quantizers < CODES {
        return mismatch("encoder_config.num_quantizers", config.num_quantizers, "16 or more");
    }
    equal("encoder_config.num_semantic_quantizers", config.num_semantic_quantizers, 1)?;
    equal("encoder_config.num_residual_layers", config.num_residual_layers, 1)?;
    equal("encoder_config.hidden_act", config.hidden_act.as_str(), "gelu")?;
    equal("encoder_config.use_conv_shortcut", config.use_conv_shortcut, false)?;
    equal("encoder_config.attention_bias", config.attention_bias, false)?;
    equal(
        "encoder_config.num_key_value_heads",
        config.num_key_value_heads,
        config.num_attention_heads,
    )?;
    even("encoder_config.head_dim", config.head_dim)?;
    divides("encoder_config.compress", config.compress, config.num_filters)
}

fn equal<T: PartialEq + Display + Copy>(field: &'static str, found: T, expected: T) -> Checked {
    if found == expected { Ok(()) } else { mismatch(field, found, &expected.to_string()) }
}

fn even(field: &'static str, found: usize) -> Checked {
    if found > 0 && found.is_multiple_of(2) { Ok(()) } else { mismatch(field, found, "even") }
}

fn divides(field: &'static str, found: usize, whole: usize) -> Checked {
    if found > 0 && whole > 0 && whole.is_multiple_of(found) {
        Ok(())
    } else {
        mismatch(field, found, &format!("a divisor of {whole}"))
    }
}

fn below(field: &'static str, id: u32, bound: usize) -> Checked {
    if (id as usize) < bound { Ok(()) } else { mismatch(field, id, &format!("below {bound}")) }
}

fn mismatch(field: &'static str, found: impl Display, expected: &str) -> Checked {
    Err(Mismatch { field, found: found.to_string(), expected: expected.to_owned() })
}
