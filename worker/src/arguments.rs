//! How models are named on the command line, the same in every program.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use engine::qwen3_tts::Processor;
use engine::qwen3_tts::weights::WeightFormat;

use crate::ModelSettings;
use crate::memory::{parse_bytes, parse_duration};

/// Which models there are, and what computes them.
#[derive(Debug, Clone, Args)]
pub struct ModelArgs {
    /// Folder with the folders of models, each as published; may be given more than once, and in the
    /// variable with `:` between several
    #[arg(long, value_name = "DIR", env = "TABLEREAD_MODELS", value_delimiter = ':')]
    models: Vec<PathBuf>,
    /// Folder of one model, as published; may be given more than once
    #[arg(long, value_name = "DIR")]
    model: Vec<PathBuf>,
    /// What computes models
    #[arg(long, value_enum, default_value = "auto", env = "TABLEREAD_DEVICE")]
    device: DeviceArg,
    /// What the large matrices of models are held in: `q8_0` takes a quarter of the memory on a CPU and
    /// is faster there; it sounds a little different, so its takes are its own
    #[arg(long, value_enum, default_value = "native", env = "TABLEREAD_WEIGHTS")]
    weights: WeightsArg,
    /// Memory that loaded models may take together, e.g. 12GB [default: 60 % of the machine's, or 85 %
    /// of a CUDA device's own]
    #[arg(long, value_name = "SIZE", value_parser = parse_bytes, env = "TABLEREAD_MEMORY")]
    memory: Option<u64>,
    /// How long a model without work stays loaded, e.g. 90s or 10m
    #[arg(long, value_name = "TIME", value_parser = parse_duration, default_value = "10m")]
    idle_unload: Duration,
}

/// What computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DeviceArg {
    /// The accelerator this program was built for, else the processor
    Auto,
    /// The processor
    Cpu,
    /// The first CUDA device
    Cuda,
    /// The Metal device
    Metal,
}

/// What large matrices are held in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum WeightsArg {
    /// As released
    Native,
    /// Eight bits and a scale for 32; on a CPU only
    #[value(name = "q8_0")]
    Q8,
}

impl From<WeightsArg> for WeightFormat {
    fn from(weights: WeightsArg) -> Self {
        match weights {
            WeightsArg::Native => Self::Native,
            WeightsArg::Q8 => Self::Q8_0,
        }
    }
}

impl From<DeviceArg> for Processor {
    fn from(device: DeviceArg) -> Self {
        match device {
            DeviceArg::Auto => Self::Auto,
            DeviceArg::Cpu => Self::Cpu,
            DeviceArg::Cuda => Self::Cuda,
            DeviceArg::Metal => Self::Metal,
        }
    }
}

impl ModelArgs {
    /// Whether any folder was named.
    #[must_use]
    pub fn has_folders(&self) -> bool {
        !self.models.is_empty() || !self.model.is_empty()
    }

    /// The folders as they would be typed again behind a command, with a space before each.
    #[must_use]
    pub fn as_typed(&self) -> String {
        let models = self.models.iter().map(|folder| format!(" --models {}", folder.display()));
        let model = self.model.iter().map(|folder| format!(" --model {}", folder.display()));
        models.chain(model).collect()
    }

    /// Where models are and how they are computed with; `slots` lines at once in each, by the
    /// processor when `None`.
    #[must_use]
    pub fn settings(&self, slots: Option<u16>, cache_dir: PathBuf) -> ModelSettings {
        ModelSettings {
            folders: self.model.iter().chain(&self.models).cloned().collect(),
            processor: self.device.into(),
            weights: self.weights.into(),
            slots: slots.map(usize::from),
            memory_bytes: self.memory,
            idle_unload: self.idle_unload,
            cache_dir,
        }
    }
}
