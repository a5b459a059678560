//! Choosing on the CPU, one row at a time.
//!
//! Source: `LogitsProcessorList` and the processors in it, transformers 4.57.3
//! `generation/logits_process.py`, in the order in which Qwen3-TTS gets them.
//! Differs: `torch.multinomial` is replaced by the inverse of the cumulative distribution, in the
//! order of the ids, at a number that the line's own generator gives.

use super::{Choice, Controls, MIN_TOKENS, Warp};

/// Chooses a line's next id from the talker's logits.
pub(super) fn choose_id(logits: &mut [f32], choice: &Choice, controls: Controls) -> u32 {
    prepare(logits, choice, controls);
    take(logits, choice.sampling.talker.as_ref(), choice.draw(0))
}

/// Turns the talker's logits into those that the next id is drawn by.
pub(super) fn prepare(logits: &mut [f32], choice: &Choice, controls: Controls) {
    restrict(logits, choice, controls);
    if let Some(warp) = &choice.sampling.talker {
        warp.apply(logits);
    }
}

/// Chooses code `book` of a line's frame from the predictor's logits.
pub(super) fn choose_code(logits: &mut [f32], choice: &Choice, book: usize) -> u32 {
    let warp = choice.sampling.predictor.as_ref();
    if let Some(warp) = warp {
        warp.apply(logits);
    }
    take(logits, warp, choice.draw(book))
}

/// Weakens the ids that the line has and strikes out with −∞ those that it may not have now.
fn restrict(logits: &mut [f32], choice: &Choice, controls: Controls) {
    penalise(logits, choice.history, choice.sampling.repetition_penalty);
    let end = logits.get(controls.end).copied().filter(|_| choice.history.len() >= MIN_TOKENS);
    logits[controls.first..].fill(f32::NEG_INFINITY);
    if let Some(end) = end {
        logits[controls.end] = end;
    }
}

/// Draws from warped logits, or takes the likeliest where there was no warp.
fn take(logits: &[f32], warp: Option<&Warp>, draw: f64) -> u32 {
    let place = match warp {
        None => likeliest(logits),
        Some(_) => pick(logits, draw),
    };
    u32::try_from(place).expect("a vocabulary is far below 2^32")
}

/// Weakens each id of `history` once, however often it is in there.
fn penalise(logits: &mut [f32], history: &[u32], penalty: f64) {
    #[expect(clippy::cast_possible_truncation, reason = "the reference computes in F32")]
    let penalty = penalty as f32;
    let mut seen = vec![false; logits.len()];
    for &id in history {
        let id = id as usize;
        if !std::mem::replace(&mut seen[id], true) {
            let logit = &mut logits[id];
            *logit = if *logit < 0.0 { *logit * penalty } else { *logit / penalty };
        }
    }
}

impl Warp {
    /// Divides by the temperature and strikes what may not be drawn out with −∞.
    fn apply(&self, logits: &mut [f32]) {
        #[expect(clippy::cast_possible_truncation, reason = "the reference computes in F32")]
        let temperature = self.temperature as f32;
        for logit in logits.iter_mut() {
            *logit /= temperature;
        }
        if (1..logits.len()).contains(&self.top_k) {
            keep_top_k(logits, self.top_k);
        }
        if self.top_p < 1.0 {
            keep_top_p(logits, self.top_p);
        }
    }
}

/// Strikes out what is below the `k`-th largest. Ties with it stay.
fn keep_top_k(logits: &mut [f32], k: usize) {
    let mut sorted = logits.to_vec();
    let (_, &mut edge, _) = sorted.select_nth_unstable_by(k - 1, |a, b| b.total_cmp(a));
    for logit in logits.iter_mut().filter(|logit| **logit < edge) {
        *logit = f32::NEG_INFINITY;
    }
}

/// Strikes out the least likely as long as they make up at most `1 − p` together; never the best.
fn keep_top_p(logits: &mut [f32], p: f64) {
    let mut order: Vec<usize> = (0..logits.len()).collect();
    order.sort_by(|&a, &b| logits[a].total_cmp(&logits[b]));
    let probabilities = softmax(logits);
    #[expect(clippy::cast_possible_truncation, reason = "the reference computes in F32")]
    let spare = (1.0 - p) as f32;
    let mut sum = 0.0;
    for &id in &order[..order.len() - 1] {
        sum += probabilities[id];
        if sum > spare {
            break;
        }
        logits[id] = f32::NEG_INFINITY;
    }
}

/// The first of the largest.
fn likeliest(logits: &[f32]) -> usize {
    let mut best = 0;
    for (place, logit) in logits.iter().enumerate() {
        if *logit > logits[best] {
            best = place;
        }
    }
    best
}

/// The first place at which the cumulative probability exceeds `draw`.
fn pick(logits: &[f32], draw: f64) -> usize {
    let probabilities = softmax(logits);
    let total: f64 = probabilities.iter().map(|&probability| f64::from(probability)).sum();
    let mut sum = 0.0;
    let exceeds = |&probability: &f32| {
        sum += f64::from(probability);
        sum / total > draw
    };
    probabilities.iter().position(exceeds).unwrap_or_else(|| likeliest(logits))
}

fn softmax(logits: &[f32]) -> Vec<f32> {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut weights: Vec<f32> = logits.iter().map(|logit| (logit - largest).exp()).collect();
    let total: f32 = weights.iter().sum();
    for weight in &mut weights {
        *weight /= total;
    }
    weights
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::qwen3_tts::sampling::{Draws, Sampling};

    const OUT: f32 = f32::NEG_INFINITY;

    fn bits<const N: usize>(logits: [f32; N]) -> [u32; N] {
        logits.map(f32::to_bits)
    }

    #[test]
    fn the_lowest_of_equally_likely_ids_is_taken() {
        assert_eq!(likeliest(&[0.0, 3.0, 1.0, 3.0]), 1);
        assert_eq!(pick(&[f32::NEG_INFINITY, 0.0, 0.0], 0.0), 1);
    }

    #[test]
    fn ties_at_the_edge_stay() {
        let mut logits = [1.0, 5.0, 3.0, 3.0, 2.0];
        keep_top_k(&mut logits, 2);
        assert_eq!(bits(logits), bits([OUT, 5.0, 3.0, 3.0, OUT]));
    }

    #[test]
    fn the_best_stays_however_little_may() {
        let mut logits = [1.0, 5.0, 3.0];
        keep_top_p(&mut logits, 0.0);
        assert_eq!(bits(logits), bits([OUT, 5.0, OUT]));
    }

    #[test]
    fn an_id_is_weakened_once_and_no_line_ends_before_it_has_two() {
        let controls = Controls { first: 4, end: 6 };
        let sampling =
            Sampling { talker: None, predictor: None, repetition_penalty: 2.0, max_tokens: 9 };
        let draws = Draws::seeded(0);
        let after = |history: &[u32]| {
            let mut logits = [8.0, -1.0, 3.0, 3.0, 99.0, 99.0, 9.0, 99.0];
            let choice = Choice { sampling: &sampling, draws: &draws, history };
            restrict(&mut logits, &choice, controls);
            bits(logits)
        };
        assert_eq!(after(&[0]), bits([4.0, -1.0, 3.0, 3.0, OUT, OUT, OUT, OUT]));
        assert_eq!(after(&[1, 0, 1, 0]), bits([4.0, -2.0, 3.0, 3.0, OUT, OUT, 9.0, OUT]));
    }
}
