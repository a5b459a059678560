//! What computes, as every command with a model is told.

use clap::{Args, ValueEnum};
use engine::qwen3_tts::Processor;

/// What computes models.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct DeviceArgument {
    /// What computes models.
    #[arg(long, value_enum, value_name = "DEVICE", default_value = "auto")]
    #[arg(env = "TABLEREAD_DEVICE")]
    device: DeviceName,
}

/// What computes.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum DeviceName {
    /// The accelerator that this program was built for, where there is one; else the CPU.
    Auto,
    /// The processor.
    Cpu,
    /// The first CUDA device.
    Cuda,
    /// The Metal device.
    Metal,
}

impl DeviceArgument {
    /// What computes.
    pub(crate) fn processor(self) -> Processor {
        match self.device {
            DeviceName::Auto => Processor::Auto,
            DeviceName::Cpu => Processor::Cpu,
            DeviceName::Cuda => Processor::Cuda,
            DeviceName::Metal => Processor::Metal,
        }
    }
}
