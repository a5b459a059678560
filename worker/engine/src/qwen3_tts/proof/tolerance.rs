//! How far a device may be from the reference.

use candle_core::{DType, Device};

use super::Stage;
use crate::qwen3_tts::weights::compute_dtype;

/// By what a device computes in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tolerances {
    is_cpu: bool,
    is_exact: bool,
}

impl Tolerances {
    /// Those of a device.
    pub(super) fn of(device: &Device) -> Self {
        Self { is_cpu: device.is_cpu(), is_exact: compute_dtype(device) == DType::F32 }
    }

    /// Of one stage, in the stage's own unit; logits here are up to 9.
    ///
    /// * F32: about twice the largest difference that was seen on x86-64.
    /// * BF16: about twice as far as the reference itself is from its own F32 when it computes in
    ///   BF16 on a CPU, which `proof.py` prints. A wrong mask, position or weight is apart by more
    ///   than 1.
    /// * Codec and spectrogram are computed in F32 on every device; accelerators sum in another
    ///   order.
    pub(super) fn at(self, stage: Stage) -> f32 {
        let by_type = |exact, coarse| if self.is_exact { exact } else { coarse };
        let by_place = |near, far| if self.is_cpu { near } else { far };
        match stage {
            Stage::Tokenizer | Stage::Sampling => 0.0,
            // An H200 is 0.037 away.
            Stage::Prompt => by_type(2e-6, 0.075),
            Stage::Prefill | Stage::Steps => by_type(3e-5, 0.36),
            Stage::Predictor => by_type(3e-5, 0.6),
            // What may be chosen otherwise is what rounding can decide.
            Stage::Codes | Stage::Batch => by_type(6e-5, 0.6),
            Stage::Decoder => by_place(2e-5, 2e-4),
            Stage::Spectrogram => 1e-4,
            Stage::Speaker => by_type(2e-5, 0.02),
            Stage::Encoder => by_place(2e-5, 2e-4),
        }
    }
}
