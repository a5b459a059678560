//! How long talker and predictor of the small model take for a frame, at their real size with
//! made-up weights, on a CPU: in each format, and how many times as fast as in F32.
//!
//! `cargo bench -p engine --bench frames`. Formats take turns, frame by frame, so that all of them
//! suffer alike from whatever else the machine does; the fastest of several frames counts.

#![expect(clippy::print_stdout, reason = "a bench's output is its result")]

use std::time::{Duration, Instant};

use candle_core::{DType, Device, Result, Tensor};
use engine::qwen3_tts::FrameModel;
use engine::qwen3_tts::config::{GenerationConfig, Kind, ModelConfig, Size};
use engine::qwen3_tts::frames::{Admission, Frames, StepOutcome};
use engine::qwen3_tts::prompt::Prefill;
use engine::qwen3_tts::sampling::{Draws, Sampling};
use engine::qwen3_tts::weights::{Layout, WeightFormat, Weights};

/// Positions of a line before its first measured frame.
const POSITIONS: usize = 200;

/// Frames that are measured of each.
const FRAMES: usize = 6;

fn main() -> Result<()> {
    let mut config = ModelConfig::released(Kind::CustomVoice, Size::Small);
    // An id that is none: no line ends.
    config.talker_config.codec_eos_token_id = u32::MAX;
    let weights = Weights::random(Layout::of_model(&config), 1);
    let load = |format| FrameModel::load_in(format, &weights, &config, &Device::Cpu);
    let models = [("f32", load(WeightFormat::Native)?), ("q8_0", load(WeightFormat::Q8_0)?)];
    for lines in [1, 8] {
        let mut each = Vec::new();
        for (name, model) in &models {
            each.push((name, model, seated(model, &config, lines)?, Duration::MAX));
        }
        for _ in 0..FRAMES {
            for (_, model, frames, fastest) in &mut each {
                let start = Instant::now();
                let outcomes = frames.step(model)?;
                *fastest = start.elapsed().min(*fastest);
                let frame = |(_, outcome)| matches!(outcome, StepOutcome::Frame(_));
                assert!(outcomes.into_iter().all(frame), "a line ended");
            }
        }
        let first = each[0].3;
        for (name, _, _, fastest) in each {
            let ratio = first.as_secs_f64() / fastest.as_secs_f64();
            let millis = fastest.as_secs_f64() * 1e3;
            println!("{name}, {lines} lines: {millis:.1} ms a frame, {ratio:.2} times as fast");
        }
    }
    Ok(())
}

/// Lines that have begun.
fn seated(model: &FrameModel, config: &ModelConfig, lines: usize) -> Result<Frames> {
    let width = config.talker_config.hidden_size;
    let prefill = Prefill {
        embeds: Tensor::randn(0f32, 0.1, (POSITIONS, width), &Device::Cpu)?,
        shared: 0,
        trailing: None,
        pad: Tensor::zeros((1, width), DType::F32, &Device::Cpu)?,
    };
    let mut frames = Frames::new(model, lines);
    for seed in 0..lines as u64 {
        let sampling = Sampling::from(&GenerationConfig::default());
        let draws = Draws::seeded(seed);
        frames.admit(model, Admission { prefill: &prefill, prefix: None, sampling, draws })?;
    }
    Ok(frames)
}
