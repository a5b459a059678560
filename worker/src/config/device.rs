//! What computes, as every command with a model is told.

use clap::Args;
use engine::qwen3_tts::Processor;
use worker::DeviceArg;

/// What computes models.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct DeviceArgument {
    /// What computes models.
    #[arg(long, value_enum, default_value = "auto", env = "TABLEREAD_DEVICE")]
    device: DeviceArg,
}

impl DeviceArgument {
    /// What computes.
    pub(crate) fn processor(self) -> Processor {
        self.device.into()
    }
}
