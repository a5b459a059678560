//! Choosing where the logits are, for all rows at once, so that a frame needs to be waited for once.
//!
//! Source: as [`super::host`].
//! Differs: sums are in F32, so a draw that falls on the very edge of two ids may take the other
//! one; ids as likely as the last that top-p keeps are all kept.

use candle_core::{D, DType, Device, IndexOp as _, Result, Tensor};

use super::{Choice, Controls, MIN_TOKENS, Warp};
use crate::qwen3_tts::config::CODES;

/// What adds probabilities up, for vocabularies of one size: `[V, V]`, ones where the row is not
/// behind the column.
#[derive(Debug)]
pub(crate) struct Ladder(Tensor);

impl Ladder {
    /// For vocabularies of `size` ids.
    pub(crate) fn new(size: usize, device: &Device) -> Result<Self> {
        Tensor::triu2(size, DType::F32, device).map(Self)
    }

    /// Each probability and all before it: `[B, V]` → `[B, V]`.
    fn up(&self, probabilities: &Tensor) -> Result<Tensor> {
        probabilities.matmul(&self.0)
    }

    /// Each probability and all behind it: `[B, V]` → `[B, V]`.
    fn down(&self, probabilities: &Tensor) -> Result<Tensor> {
        probabilities.matmul(&self.0.t()?)
    }
}

/// The choices of one frame, one row each, moved to the device. `V` ids.
#[derive(Debug)]
pub(crate) struct Ballot {
    talker: Option<Warps>,
    predictor: Option<Warps>,
    /// `[B, V]`: one of [`FREE`], [`SEEN`], [`BARRED`] for each of the talker's ids.
    states: Tensor,
    /// `[B, 1]`.
    penalties: Tensor,
    /// `[B, 16]`.
    draws: Tensor,
}

/// An id that may be chosen.
const FREE: u8 = 0;
/// One that the line has already.
const SEEN: u8 = 1;
/// One that it may not have now.
const BARRED: u8 = 2;

/// The largest number below 1.
const BELOW_ONE: f32 = 1.0 - f32::EPSILON / 2.0;

impl Ballot {
    /// Looks at each row once; `vocabulary` counts the talker's ids.
    pub(super) fn new(
        rows: &[Choice],
        controls: Controls,
        vocabulary: usize,
        device: &Device,
    ) -> Result<Self> {
        let states = rows.iter().flat_map(|row| states(row, controls, vocabulary)).collect();
        let column = |number: fn(&Choice) -> f64| {
            #[expect(clippy::cast_possible_truncation, reason = "the reference computes in F32")]
            let numbers: Vec<f32> = rows.iter().map(|row| number(row) as f32).collect();
            Tensor::from_vec(numbers, (rows.len(), 1), device)
        };
        #[expect(clippy::cast_possible_truncation, reason = "the device draws in F32")]
        let draws = |row: &Choice| (0..CODES).map(|code| row.draw(code) as f32).collect::<Vec<_>>();
        let draws: Vec<f32> = rows.iter().flat_map(draws).map(|draw| draw.min(BELOW_ONE)).collect();
        let talker: Vec<_> = rows.iter().map(|row| row.sampling.talker).collect();
        let predictor: Vec<_> = rows.iter().map(|row| row.sampling.predictor).collect();
        Ok(Self {
            talker: Warps::new(&talker, device)?,
            predictor: Warps::new(&predictor, device)?,
            states: Tensor::from_vec(states, (rows.len(), vocabulary), device)?,
            penalties: column(|row| row.sampling.repetition_penalty)?,
            draws: Tensor::from_vec(draws, (rows.len(), CODES), device)?,
        })
    }

    /// Chooses the talker's next ids: `[B, V]` → `[B]`.
    pub(super) fn id(&self, logits: &Tensor, ladder: &Ladder) -> Result<Tensor> {
        let logits = logits.to_dtype(DType::F32)?;
        let weaker = logits.lt(0_f32)?.where_cond(
            &logits.broadcast_mul(&self.penalties)?,
            &logits.broadcast_div(&self.penalties)?,
        )?;
        let logits = self.states.eq(SEEN)?.where_cond(&weaker, &logits)?;
        let logits = strike(&logits, &self.states.eq(BARRED)?)?;
        self.choose(&logits, self.talker.as_ref(), 0, ladder)
    }

    /// Chooses code `book` of each frame: `[B, V]` → `[B]`.
    pub(super) fn code(&self, book: usize, logits: &Tensor, ladder: &Ladder) -> Result<Tensor> {
        let logits = logits.to_dtype(DType::F32)?;
        self.choose(&logits, self.predictor.as_ref(), book, ladder)
    }

    fn choose(
        &self,
        logits: &Tensor,
        warps: Option<&Warps>,
        code: usize,
        ladder: &Ladder,
    ) -> Result<Tensor> {
        let Some(warps) = warps else { return logits.argmax(D::Minus1) };
        let logits = warps.apply(logits, ladder)?;
        let sums = ladder.up(&candle_nn::ops::softmax_last_dim(&logits)?)?; // [B, V]
        let total = sums.i((.., sums.dim(1)? - 1..))?; // [B, 1]
        // A row that takes the likeliest has only that left, whatever it draws.
        let draws = (self.draws.i((.., code..=code))? * total)?;
        count(&sums.broadcast_le(&draws)?)
    }
}

/// Leaves only what is likeliest to be drawn.
const LIKELIEST: Warp = Warp { temperature: 1.0, top_k: 1, top_p: 1.0 };

/// What is done to the logits of each row, as in [`Warp`].
#[derive(Debug)]
struct Warps {
    /// `[B, 1]`.
    temperatures: Tensor,
    /// `[B, 1]`: the place, counted from the largest, of the last that stays; `None` if all stay.
    edges: Option<Tensor>,
    /// `[B, 1]`: the probability that may be struck out; `None` if none may.
    spares: Option<Tensor>,
}

impl Warps {
    /// `None` if every row takes the likeliest.
    fn new(rows: &[Option<Warp>], device: &Device) -> Result<Option<Self>> {
        if rows.iter().all(Option::is_none) {
            return Ok(None);
        }
        let rows: Vec<Warp> = rows.iter().map(|row| row.unwrap_or(LIKELIEST)).collect();
        let column = |numbers: Vec<f32>| Tensor::from_vec(numbers, (rows.len(), 1), device);
        #[expect(clippy::cast_possible_truncation, reason = "the reference computes in F32")]
        let (temperatures, spares): (Vec<f32>, Vec<f32>) =
            rows.iter().map(|row| (row.temperature as f32, (1.0 - row.top_p) as f32)).unzip();
        let edges = rows.iter().any(|row| row.top_k > 0).then(|| {
            let edge = |row: &Warp| u32::try_from(row.top_k).unwrap_or(u32::MAX).wrapping_sub(1);
            let edges: Vec<u32> = rows.iter().map(edge).collect();
            Tensor::from_vec(edges, (rows.len(), 1), device)
        });
        let has_spare = rows.iter().any(|row| row.top_p < 1.0);
        Ok(Some(Self {
            temperatures: column(temperatures)?,
            edges: edges.transpose()?,
            spares: has_spare.then(|| column(spares)).transpose()?,
        }))
    }

    /// `[B, V]` → `[B, V]`, −∞ where nothing may be drawn.
    fn apply(&self, logits: &Tensor, ladder: &Ladder) -> Result<Tensor> {
        let mut logits = logits.broadcast_div(&self.temperatures)?;
        if self.edges.is_none() && self.spares.is_none() {
            return Ok(logits);
        }
        let (mut sorted, _) = logits.sort_last_dim(false)?; // largest first
        if let Some(edges) = &self.edges {
            let last = Tensor::full(last_place(&logits)?, edges.shape(), edges.device())?;
            let edge = sorted.gather(&edges.minimum(&last)?, 1)?;
            logits = strike(&logits, &logits.broadcast_lt(&edge)?)?;
            sorted = strike(&sorted, &sorted.broadcast_lt(&edge)?)?;
        }
        if let Some(spares) = &self.spares {
            let sums = ladder.down(&candle_nn::ops::softmax_last_dim(&sorted)?)?;
            let kept = count(&sums.broadcast_gt(spares)?)?.unsqueeze(1)?; // [B, 1]
            let one = kept.ones_like()?;
            let edge = sorted.gather(&(kept.maximum(&one)? - one)?, 1)?;
            logits = strike(&logits, &logits.broadcast_lt(&edge)?)?;
        }
        Ok(logits)
    }
}

/// What the talker's ids are to a row now.
fn states(row: &Choice, controls: Controls, vocabulary: usize) -> Vec<u8> {
    let mut states = vec![FREE; vocabulary];
    states[controls.first..].fill(BARRED);
    if let Some(end) = states.get_mut(controls.end).filter(|_| row.history.len() >= MIN_TOKENS) {
        *end = FREE;
    }
    for &id in row.history {
        states[id as usize] = states[id as usize].max(SEEN);
    }
    states
}

/// −∞ where `out`.
fn strike(logits: &Tensor, out: &Tensor) -> Result<Tensor> {
    let nothing = Tensor::new(f32::NEG_INFINITY, logits.device())?.broadcast_as(logits.shape())?;
    out.where_cond(&nothing, logits)
}

/// How many of each row are true: `[B, V]` → `[B]`.
fn count(truths: &Tensor) -> Result<Tensor> {
    truths.to_dtype(DType::F32)?.sum(D::Minus1)?.to_dtype(DType::U32)
}

fn last_place(logits: &Tensor) -> Result<u32> {
    let last = logits.dim(1)?.saturating_sub(1);
    u32::try_from(last).map_err(candle_core::Error::wrap)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::qwen3_tts::sampling::host::{choose_code, choose_id};
    use crate::qwen3_tts::sampling::{Draws, Sampling};

    const VOCABULARY: usize = 160;
    const CONTROLS: Controls = Controls { first: 128, end: 130 };

    /// Rows of logits in which no two are equal.
    fn logits(rows: usize, seed: u64) -> Tensor {
        let draws = Draws::seeded(seed);
        #[expect(clippy::cast_possible_truncation, reason = "any number will do")]
        let number = |place| 12.0 * draws.at(place, 0) as f32 - 6.0;
        let numbers: Vec<f32> = (0..rows * VOCABULARY).map(number).collect();
        Tensor::from_vec(numbers, (rows, VOCABULARY), &Device::Cpu).unwrap()
    }

    /// Every way of choosing, one row each.
    fn samplings() -> Vec<Sampling> {
        let warps =
            [(0.9, 50, 1.0), (0.5, 0, 0.8), (1.7, 3, 0.95), (1.0, 1_000, 0.0), (0.7, 0, 1.0)];
        let warps =
            warps.map(|(temperature, top_k, top_p)| Some(Warp { temperature, top_k, top_p }));
        let warps: Vec<_> = warps.into_iter().chain([None]).collect();
        let sampling = |(&talker, &predictor)| Sampling {
            talker,
            predictor,
            repetition_penalty: 1.3,
            max_tokens: 9,
        };
        warps.iter().zip(warps.iter().rev()).map(sampling).collect()
    }

    #[test]
    fn the_device_chooses_what_the_host_chooses() {
        let samplings = samplings();
        let ladder = Ladder::new(VOCABULARY, &Device::Cpu).unwrap();
        let histories: [&[u32]; 3] = [&[], &[4], &[7, 7, 90, 4]];
        for (round, history) in (0..40).zip(histories.into_iter().cycle()) {
            let draws = Draws::seeded(round);
            let choice = |sampling| Choice { sampling, draws: &draws, history };
            let rows: Vec<Choice> = samplings.iter().map(choice).collect();
            let ballot = Ballot::new(&rows, CONTROLS, VOCABULARY, &Device::Cpu).unwrap();
            let logits = logits(rows.len(), 1_000 + round);
            let ids: Vec<u32> = ballot.id(&logits, &ladder).unwrap().to_vec1().unwrap();
            let codes: Vec<u32> = ballot.code(5, &logits, &ladder).unwrap().to_vec1().unwrap();
            let host: Vec<Vec<f32>> = logits.to_vec2().unwrap();
            for (place, row) in rows.iter().enumerate() {
                assert_eq!(ids[place], choose_id(&mut host[place].clone(), row, CONTROLS));
                assert_eq!(codes[place], choose_code(&mut host[place].clone(), row, 5));
            }
        }
    }

    #[test]
    fn rows_that_all_take_the_likeliest_do_not_draw() {
        let sampling =
            Sampling { talker: None, predictor: None, repetition_penalty: 1.0, max_tokens: 9 };
        let draws = Draws::seeded(3);
        let row = Choice { sampling: &sampling, draws: &draws, history: &[1, 2] };
        let ballot = Ballot::new(&[row; 4], CONTROLS, VOCABULARY, &Device::Cpu).unwrap();
        assert!(ballot.talker.is_none() && ballot.predictor.is_none());
        let ladder = Ladder::new(VOCABULARY, &Device::Cpu).unwrap();
        let logits = logits(4, 9);
        let ids: Vec<u32> = ballot.id(&logits, &ladder).unwrap().to_vec1().unwrap();
        let host: Vec<Vec<f32>> = logits.to_vec2().unwrap();
        let expected = host.into_iter().map(|mut logits| choose_id(&mut logits, &row, CONTROLS));
        assert_eq!(ids, expected.collect::<Vec<_>>());
    }
}
