//! Whether a device draws what a processor draws.

use candle_core::{DType, Device, Result, Tensor};

use super::Proof;
use crate::qwen3_tts::config::CODES;
use crate::qwen3_tts::sampling::{Choice, Chooser, Controls, Draws, Sampling, Warp};

/// Frames that are drawn, each with other numbers.
const FRAMES: u64 = 8;

/// The line whose predictor logits are shipped.
const PREDICTED: &str = "timbre";

impl Proof<'_> {
    /// How many ids and codes an accelerator's way of choosing, on the device, chooses otherwise than a
    /// processor's, from the same logits. The latter is held to the reference by the engine's tests.
    pub(super) fn sampling(&self) -> Result<f32> {
        let config = &self.opened.config.talker_config;
        let (vocabulary, codes) = (config.vocab_size, config.codebook_size());
        let controls = Controls::of(config);
        let near = Chooser::new(controls, vocabulary, codes, &Device::Cpu)?;
        let far = Chooser::on_device(controls, vocabulary, codes, self.device)?;
        let settings = settings();
        let (logits, histories) = self.lines_so_far()?;
        let predicted = self.golden(PREDICTED, "pred_logits")?.flatten(0, 1)?; // [N, V]
        let rows = logits.dim(0)?;
        let mut differ = 0;
        for frame in 0..FRAMES {
            let draws: Vec<_> = (0..3).map(|row| Draws::seeded(3 * frame + row)).collect();
            let choices = || {
                let rows = settings.iter().zip(&draws).zip(&histories);
                rows.map(|((sampling, draws), history)| Choice { sampling, draws, history })
                    .collect()
            };
            let chosen = |chooser: &Chooser, device: &Device| -> Result<Vec<u32>> {
                let chooser = chooser.frame(choices(), device)?;
                let mut ids: Vec<u32> = chooser.id(&logits.to_device(device)?)?.to_vec1()?;
                for book in 1..CODES {
                    let first = book % (predicted.dim(0)? - rows + 1);
                    let logits = predicted.narrow(0, first, rows)?.to_device(device)?;
                    ids.extend(
                        chooser.code(book, &logits)?.to_dtype(DType::U32)?.to_vec1::<u32>()?,
                    );
                }
                Ok(ids)
            };
            let (near, far) = (chosen(&near, &Device::Cpu)?, chosen(&far, self.device)?);
            differ += count_differing(&near, &far);
        }
        Ok(f32::from(u16::try_from(differ).unwrap_or(u16::MAX)))
    }

    /// What the talker gave behind every line's prompt, `[B, V]`, and the ids that each line has.
    fn lines_so_far(&self) -> Result<(Tensor, Vec<Vec<u32>>)> {
        let (mut logits, mut histories) = (Vec::new(), Vec::new());
        for name in self.said.lines.keys() {
            logits.push(self.golden(name, "logits0")?.clone());
            let frames = self.shipped.frames(&format!("{name}/codes"))?;
            histories.push(frames.iter().map(|frame| u32::from(frame[0])).collect());
        }
        Ok((Tensor::stack(&logits, 0)?, histories))
    }
}

/// As released; narrower, with a strong penalty; the likeliest.
fn settings() -> [Sampling; 3] {
    let released = Warp { temperature: 0.9, top_k: 50, top_p: 1.0 };
    let narrow = Warp { temperature: 0.6, top_k: 9, top_p: 0.8 };
    let sampling = |warp: Option<Warp>, repetition_penalty| Sampling {
        talker: warp,
        predictor: warp,
        repetition_penalty,
        max_tokens: usize::MAX,
    };
    [sampling(Some(released), 1.05), sampling(Some(narrow), 1.5), sampling(None, 1.0)]
}

/// Where two lists have different ids, or one has none.
fn count_differing(a: &[u32], b: &[u32]) -> usize {
    a.iter().zip(b).filter(|(a, b)| a != b).count() + a.len().abs_diff(b.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_id_that_differs_counts_and_so_does_one_that_is_not_there() {
        assert_eq!(count_differing(&[1, 2, 3], &[1, 2, 3]), 0);
        assert_eq!(count_differing(&[1, 2, 3], &[1, 9, 4, 5]), 3);
    }
}
