//! Arguments of `bench`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use engine::qwen3_tts::config::Size;
use engine::qwen3_tts::weights::WeightFormat;
use worker::WeightsArg;

use super::device::DeviceArgument;

/// Arguments of `bench`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tableread-worker bench --size 0.6B --random-weights
  tableread-worker bench --size 1.7B --random-weights --device cuda --batch 1,8,32,64 --codec --json
  tableread-worker bench --model qwen3-tts-12hz-1.7b-base --codec --weights q8_0")]
pub(crate) struct BenchArguments {
    /// Folder of a Qwen3-TTS release, as published.
    #[arg(long, value_name = "DIR", required_unless_present = "size")]
    pub(crate) model: Option<PathBuf>,
    /// How large a model to make up instead; it is as fast as a release of that size.
    #[arg(long, value_enum, conflicts_with = "model", requires = "random_weights")]
    size: Option<ModelSize>,
    /// Make up the weights of --size.
    #[arg(long, requires = "size")]
    random_weights: bool,
    /// What computes.
    #[command(flatten)]
    pub(crate) device: DeviceArgument,
    /// Lines spoken at once, each number by itself.
    #[arg(long, value_name = "N,…", value_delimiter = ',', default_value = "1,8")]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=1_024))]
    pub(crate) batch: Vec<u16>,
    /// Frames of 80 ms that every line is measured over.
    #[arg(long, value_name = "N", default_value_t = 50)]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=8_000))]
    pub(crate) frames: u16,
    /// Decode the frames as well.
    #[arg(long)]
    pub(crate) codec: bool,
    /// How the matrices of talker and predictor are held; `q8_0` is for CPUs.
    #[arg(long, value_enum, default_value = "native")]
    weights: WeightsArg,
    /// Answer as one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

/// A size that was released.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum ModelSize {
    /// 0.6 billion numbers.
    #[value(name = "0.6B", alias = "0.6b")]
    Small,
    /// 1.7 billion numbers.
    #[value(name = "1.7B", alias = "1.7b")]
    Large,
}

impl BenchArguments {
    /// The size to make up.
    pub(crate) fn size(&self) -> Size {
        match self.size {
            Some(ModelSize::Large) => Size::Large,
            Some(ModelSize::Small) | None => Size::Small,
        }
    }

    /// How matrices are held.
    pub(crate) fn format(&self) -> WeightFormat {
        self.weights.into()
    }
}
