//! Which tensors a checkpoint has to hold, as its configuration implies.

use std::collections::BTreeMap;

use candle_core::DType;

use crate::qwen3_tts::config::{
    CODES, CodecConfig, CodecDecoderConfig, CodecEncoderConfig, Kind, ModelConfig, PredictorConfig,
    SpeakerConfig, TalkerConfig,
};

/// Every tensor of one file: name, shape and type. Nothing else may be in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// What all of them are stored as.
    pub dtypes: &'static [DType],
    /// Shapes by name.
    pub shapes: BTreeMap<String, Vec<usize>>,
}

/// `model.safetensors` comes in BF16; conversions to F32 are taken as well.
const MODEL_DTYPES: &[DType] = &[DType::BF16, DType::F32];

/// `speech_tokenizer/model.safetensors` comes in F32 and is never less: its output is heard.
const CODEC_DTYPES: &[DType] = &[DType::F32];

impl Layout {
    /// What `model.safetensors` holds.
    #[must_use]
    pub fn of_model(config: &ModelConfig) -> Self {
        let mut layout = Self::empty(MODEL_DTYPES);
        let talker = &config.talker_config;
        layout.talker(talker);
        layout.predictor(talker, &talker.code_predictor_config);
        match config.tts_model_type {
            Kind::Base => layout.speaker(&config.speaker_encoder_config),
            Kind::CustomVoice | Kind::VoiceDesign => {}
        }
        layout
    }

    /// What `speech_tokenizer/model.safetensors` holds.
    #[must_use]
    pub fn of_codec(config: &CodecConfig) -> Self {
        let mut layout = Self::empty(CODEC_DTYPES);
        layout.codec_decoder(&config.decoder_config);
        layout.codec_encoder(&config.encoder_config);
        layout
    }

    /// How many numbers all tensors have together.
    #[must_use]
    pub fn parameters(&self) -> usize {
        self.shapes.values().map(|shape| shape.iter().product::<usize>()).sum()
    }

    fn empty(dtypes: &'static [DType]) -> Self {
        Self { dtypes, shapes: BTreeMap::new() }
    }

    fn add(&mut self, name: impl Into<String>, shape: &[usize]) {
        let replaced = self.shapes.insert(name.into(), shape.to_vec());
        debug_assert!(replaced.is_none(), "a tensor is listed twice");
    }

    /// `weight`, with `shape`, and `bias`, as long as its first dimension.
    fn biased(&mut self, at: &str, shape: &[usize]) {
        self.add(format!("{at}.weight"), shape);
        self.add(format!("{at}.bias"), &shape[..1]);
    }

    fn talker(&mut self, config: &TalkerConfig) {
        let (width, text) = (config.hidden_size, config.text_hidden_size);
        self.add("talker.model.text_embedding.weight", &[config.text_vocab_size, text]);
        self.add("talker.model.codec_embedding.weight", &[config.vocab_size, width]);
        self.add("talker.codec_head.weight", &[config.vocab_size, width]);
        self.biased("talker.text_projection.linear_fc1", &[text, text]);
        self.biased("talker.text_projection.linear_fc2", &[width, text]);
        self.decoder_stack(
            "talker.model",
            &Stack {
                width,
                inner: config.intermediate_size,
                layers: config.num_hidden_layers,
                queries: config.num_attention_heads * config.head_dim,
                keys: config.num_key_value_heads * config.head_dim,
                head_norm: Some(config.head_dim),
                is_scaled: false,
            },
        );
    }

    fn predictor(&mut self, talker: &TalkerConfig, config: &PredictorConfig) {
        let at = "talker.code_predictor";
        let (codes, width) = (config.vocab_size, config.hidden_size);
        for book in 0..CODES - 1 {
            self.add(
                format!("{at}.model.codec_embedding.{book}.weight"),
                &[codes, talker.hidden_size],
            );
            self.add(format!("{at}.lm_head.{book}.weight"), &[codes, width]);
        }
        if talker.hidden_size != width {
            self.biased(&format!("{at}.small_to_mtp_projection"), &[width, talker.hidden_size]);
        }
        self.decoder_stack(
            &format!("{at}.model"),
            &Stack {
                width,
                inner: config.intermediate_size,
                layers: config.num_hidden_layers,
                queries: config.num_attention_heads * config.head_dim,
                keys: config.num_key_value_heads * config.head_dim,
                head_norm: Some(config.head_dim),
                is_scaled: false,
            },
        );
    }

    fn speaker(&mut self, config: &SpeakerConfig) {
        let at = "speaker_encoder";
        let widths = &config.enc_channels;
        let kernels = &config.enc_kernel_sizes;
        let last = widths.len() - 1;
        self.biased(&format!("{at}.blocks.0.conv"), &[widths[0], config.mel_dim, kernels[0]]);
        for block in 1..last {
            let at = format!("{at}.blocks.{block}");
            let (width, squeezed) = (widths[block], config.enc_se_channels);
            let part = width / config.enc_res2net_scale;
            self.biased(&format!("{at}.tdnn1.conv"), &[width, widths[block - 1], 1]);
            for index in 0..config.enc_res2net_scale - 1 {
                self.biased(
                    &format!("{at}.res2net_block.blocks.{index}.conv"),
                    &[part, part, kernels[block]],
                );
            }
            self.biased(&format!("{at}.tdnn2.conv"), &[width, width, 1]);
            self.biased(&format!("{at}.se_block.conv1"), &[squeezed, width, 1]);
            self.biased(&format!("{at}.se_block.conv2"), &[width, squeezed, 1]);
        }
        let (joined, attention) = (widths[last], config.enc_attention_channels);
        self.biased(&format!("{at}.mfa.conv"), &[joined, joined, kernels[last]]);
        self.biased(&format!("{at}.asp.tdnn.conv"), &[attention, 3 * joined, 1]);
        self.biased(&format!("{at}.asp.conv"), &[joined, attention, 1]);
        self.biased(&format!("{at}.fc"), &[config.enc_dim, 2 * joined, 1]);
    }

    fn codec_decoder(&mut self, config: &CodecDecoderConfig) {
        let (summed, latent) = (config.codebook_dim, config.latent_dim);
        let row = summed / 2;
        for (group, books) in [("rvq_first", 1), ("rvq_rest", config.num_quantizers - 1)] {
            let at = format!("decoder.quantizer.{group}");
            self.add(format!("{at}.input_proj.weight"), &[row, summed, 1]);
            self.add(format!("{at}.output_proj.weight"), &[summed, row, 1]);
            for book in 0..books {
                let at = format!("{at}.vq.layers.{book}._codebook");
                self.add(format!("{at}.cluster_usage"), &[config.codebook_size]);
                self.add(format!("{at}.embedding_sum"), &[config.codebook_size, row]);
            }
        }
        self.biased("decoder.pre_conv.conv", &[latent, summed, 3]);
        self.biased("decoder.pre_transformer.input_proj", &[config.hidden_size, latent]);
        self.biased("decoder.pre_transformer.output_proj", &[latent, config.hidden_size]);
        self.decoder_stack(
            "decoder.pre_transformer",
            &Stack {
                width: config.hidden_size,
                inner: config.intermediate_size,
                layers: config.num_hidden_layers,
                queries: config.num_attention_heads * config.head_dim,
                keys: config.num_key_value_heads * config.head_dim,
                head_norm: None,
                is_scaled: true,
            },
        );
        self.codec_upsampling(config);
    }

    fn codec_upsampling(&mut self, config: &CodecDecoderConfig) {
        let latent = config.latent_dim;
        for (index, &ratio) in config.upsampling_ratios.iter().enumerate() {
            let at = format!("decoder.upsample.{index}");
            self.biased(&format!("{at}.0.conv"), &[latent, latent, ratio]);
            self.biased(&format!("{at}.1.dwconv.conv"), &[latent, 1, 7]);
            self.biased(&format!("{at}.1.norm"), &[latent]);
            self.biased(&format!("{at}.1.pwconv1"), &[4 * latent, latent]);
            self.biased(&format!("{at}.1.pwconv2"), &[latent, 4 * latent]);
            self.add(format!("{at}.1.gamma"), &[latent]);
        }
        self.biased("decoder.decoder.0.conv", &[config.decoder_dim, latent, 7]);
        let mut width = config.decoder_dim;
        for (index, &rate) in config.upsample_rates.iter().enumerate() {
            let at = format!("decoder.decoder.{}.block", index + 1);
            let half = width / 2;
            self.snake(&format!("{at}.0"), width);
            self.add(format!("{at}.1.conv.weight"), &[width, half, 2 * rate]);
            self.add(format!("{at}.1.conv.bias"), &[half]);
            for unit in 2..5 {
                self.snake(&format!("{at}.{unit}.act1"), half);
                self.snake(&format!("{at}.{unit}.act2"), half);
                self.biased(&format!("{at}.{unit}.conv1.conv"), &[half, half, 7]);
                self.biased(&format!("{at}.{unit}.conv2.conv"), &[half, half, 1]);
            }
            width = half;
        }
        let next = config.upsample_rates.len() + 1;
        self.snake(&format!("decoder.decoder.{next}"), width);
        self.biased(&format!("decoder.decoder.{}.conv", next + 1), &[1, width, 7]);
    }

    fn snake(&mut self, at: &str, width: usize) {
        self.add(format!("{at}.alpha"), &[width]);
        self.add(format!("{at}.beta"), &[width]);
    }

    fn codec_encoder(&mut self, config: &CodecEncoderConfig) {
        self.seanet(config);
        self.encoder_stack(config);
        let width = config.hidden_size;
        self.add("encoder.downsample.conv.weight", &[width, width, 4]);
        let acoustic = config.num_quantizers - config.num_semantic_quantizers;
        for (group, books) in [("semantic", config.num_semantic_quantizers), ("acoustic", acoustic)]
        {
            let at = format!("encoder.quantizer.{group}_residual_vector_quantizer");
            self.add(format!("{at}.input_proj.weight"), &[config.codebook_dim, width, 1]);
            self.add(format!("{at}.output_proj.weight"), &[width, config.codebook_dim, 1]);
            for book in 0..books {
                let at = format!("{at}.layers.{book}.codebook");
                self.add(format!("{at}.cluster_usage"), &[config.codebook_size]);
                self.add(format!("{at}.embed_sum"), &[config.codebook_size, config.codebook_dim]);
                self.add(format!("{at}.initialized"), &[1]);
            }
        }
    }

    /// The convolutions; activations count as layers, which is why indices jump.
    fn seanet(&mut self, config: &CodecEncoderConfig) {
        let at = "encoder.encoder.layers";
        let mut width = config.num_filters;
        self.biased(&format!("{at}.0.conv"), &[width, 1, config.kernel_size]);
        let mut layer = 1;
        for &ratio in config.upsampling_ratios.iter().rev() {
            let inner = width / config.compress;
            self.biased(
                &format!("{at}.{layer}.block.1.conv"),
                &[inner, width, config.residual_kernel_size],
            );
            self.biased(&format!("{at}.{layer}.block.3.conv"), &[width, inner, 1]);
            self.biased(&format!("{at}.{}.conv", layer + 2), &[2 * width, width, 2 * ratio]);
            width *= 2;
            layer += 3;
        }
        self.biased(
            &format!("{at}.{}.conv", layer + 1),
            &[config.hidden_size, width, config.last_kernel_size],
        );
    }

    fn encoder_stack(&mut self, config: &CodecEncoderConfig) {
        let (width, inner) = (config.hidden_size, config.intermediate_size);
        let heads = config.num_attention_heads * config.head_dim;
        for layer in 0..config.num_hidden_layers {
            let at = format!("encoder.encoder_transformer.layers.{layer}");
            self.biased(&format!("{at}.input_layernorm"), &[width]);
            self.biased(&format!("{at}.post_attention_layernorm"), &[width]);
            for projection in ["q_proj", "k_proj", "v_proj"] {
                self.add(format!("{at}.self_attn.{projection}.weight"), &[heads, width]);
            }
            self.add(format!("{at}.self_attn.o_proj.weight"), &[width, heads]);
            self.add(format!("{at}.mlp.fc1.weight"), &[inner, width]);
            self.add(format!("{at}.mlp.fc2.weight"), &[width, inner]);
            self.add(format!("{at}.self_attn_layer_scale.scale"), &[width]);
            self.add(format!("{at}.mlp_layer_scale.scale"), &[width]);
        }
    }

    fn decoder_stack(&mut self, at: &str, stack: &Stack) {
        let &Stack { width, inner, layers, queries, keys, head_norm, is_scaled } = stack;
        for layer in 0..layers {
            let at = format!("{at}.layers.{layer}");
            self.add(format!("{at}.input_layernorm.weight"), &[width]);
            self.add(format!("{at}.post_attention_layernorm.weight"), &[width]);
            self.add(format!("{at}.self_attn.q_proj.weight"), &[queries, width]);
            self.add(format!("{at}.self_attn.k_proj.weight"), &[keys, width]);
            self.add(format!("{at}.self_attn.v_proj.weight"), &[keys, width]);
            self.add(format!("{at}.self_attn.o_proj.weight"), &[width, queries]);
            self.add(format!("{at}.mlp.gate_proj.weight"), &[inner, width]);
            self.add(format!("{at}.mlp.up_proj.weight"), &[inner, width]);
            self.add(format!("{at}.mlp.down_proj.weight"), &[width, inner]);
            if let Some(head) = head_norm {
                self.add(format!("{at}.self_attn.q_norm.weight"), &[head]);
                self.add(format!("{at}.self_attn.k_norm.weight"), &[head]);
            }
            if is_scaled {
                self.add(format!("{at}.self_attn_layer_scale.scale"), &[width]);
                self.add(format!("{at}.mlp_layer_scale.scale"), &[width]);
            }
        }
        self.add(format!("{at}.norm.weight"), &[width]);
    }
}

/// What the three `SwiGLU` stacks (talker, predictor, codec decoder) differ in.
struct Stack {
    width: usize,
    inner: usize,
    layers: usize,
    queries: usize,
    keys: usize,
    /// Width of a head where queries and keys are normed.
    head_norm: Option<usize>,
    /// Whether residuals have learned scales.
    is_scaled: bool,
}
