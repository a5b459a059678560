//! A device proves itself: a tiny checkpoint inside the program, held to what the reference made of
//! it on a CPU, stage by stage.
//!
//! Nothing is read but the program itself, so a machine can be proved before it has a release.
//! A proof takes a second or two on a CPU; what it shows is that this build computes on this device
//! what it should, not that a release's weights are whole.

mod sampling;
mod shipped;
mod stages;
mod tolerance;

use candle_core::Device;
use serde::Serialize;

use super::LoadError;
use shipped::{Opened, Said, Shipped};
use tolerance::Tolerances;

/// What is compared, in the order in which a line passes it; recordings last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Texts cut into ids.
    Tokenizer,
    /// Embeddings of prompts.
    Prompt,
    /// The talker's logits behind prompts.
    Prefill,
    /// The talker's logits behind each frame.
    Steps,
    /// The predictor's logits.
    Predictor,
    /// Ids and codes drawn from given logits, as an accelerator draws them.
    Sampling,
    /// Greedy codes of lines that are spoken one by one.
    Codes,
    /// The same lines spoken together, one of them joining later.
    Batch,
    /// Samples of decoded frames.
    Decoder,
    /// A recording's mel spectrogram.
    Spectrogram,
    /// The embedding of who speaks in it.
    Speaker,
    /// What the codec's encoder hears in it, and its codes.
    Encoder,
}

/// All there is.
const ALL: [Stage; 12] = [
    Stage::Tokenizer,
    Stage::Prompt,
    Stage::Prefill,
    Stage::Steps,
    Stage::Predictor,
    Stage::Sampling,
    Stage::Codes,
    Stage::Batch,
    Stage::Decoder,
    Stage::Spectrogram,
    Stage::Speaker,
    Stage::Encoder,
];

/// What every line passes, from logits to samples.
const QUICK: [Stage; 5] =
    [Stage::Prefill, Stage::Predictor, Stage::Sampling, Stage::Codes, Stage::Decoder];

impl Stage {
    /// A few words for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Tokenizer => "tokenizer",
            Self::Prompt => "prompt embeddings",
            Self::Prefill => "talker, prompts",
            Self::Steps => "talker, frames",
            Self::Predictor => "predictor",
            Self::Sampling => "sampling",
            Self::Codes => "greedy codes",
            Self::Batch => "three lines at once",
            Self::Decoder => "codec decoder",
            Self::Spectrogram => "mel spectrogram",
            Self::Speaker => "speaker embedding",
            Self::Encoder => "codec encoder",
        }
    }
}

/// What became of one stage.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Finding {
    /// Which.
    pub stage: Stage,
    /// The largest difference there is; NaN if a number is none. For [`Stage::Tokenizer`] the texts
    /// that were cut otherwise; for [`Stage::Sampling`] the choices that differ; for codes the lead, in logits, that the reference's choice had
    /// where ours was another one first, 0 if there is no such place.
    pub largest: f32,
    /// How large it may be on this device.
    pub tolerance: f32,
    /// Why it could not be compared, or what differs that no number says.
    pub problem: Option<String>,
}

impl Finding {
    /// Whether the device passed.
    #[must_use]
    pub fn is_passed(&self) -> bool {
        self.problem.is_none() && self.largest <= self.tolerance
    }
}

/// Proves a device in every stage.
///
/// # Errors
/// When the device cannot take the tiny checkpoint, or the program was damaged. What fails in a stage
/// is in its [`Finding`].
pub fn whole(device: &Device) -> Result<Vec<Finding>, LoadError> {
    prove(&Shipped::unpack()?, device, &ALL)
}

/// Proves a device in the stages that every line passes; for workers that start.
///
/// # Errors
/// As [`whole`].
pub fn quick(device: &Device) -> Result<Vec<Finding>, LoadError> {
    prove(&Shipped::unpack()?, device, &QUICK)
}

fn prove(shipped: &Shipped, device: &Device, stages: &[Stage]) -> Result<Vec<Finding>, LoadError> {
    let proof = Proof {
        shipped,
        said: shipped.said()?,
        opened: shipped.open(device)?,
        tolerances: Tolerances::of(device),
        device,
    };
    Ok(stages.iter().map(|&stage| proof.finding(stage)).collect())
}

/// A proof that is going on.
struct Proof<'a> {
    shipped: &'a Shipped,
    said: Said,
    opened: Opened,
    tolerances: Tolerances,
    device: &'a Device,
}

impl Proof<'_> {
    fn finding(&self, stage: Stage) -> Finding {
        let tolerance = self.tolerances.at(stage);
        let (largest, problem) = match self.measure(stage) {
            Ok(largest) => (largest, None),
            Err(error) => (f32::NAN, Some(error.to_string())),
        };
        Finding { stage, largest, tolerance, problem }
    }
}

#[cfg(test)]
mod tests;
