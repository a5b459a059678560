//! Choosing for all rows of a batch.

use candle_core::{DType, Device, Result, Tensor};

use super::device::{Ballot, Ladder};
use super::host::{choose_code, choose_id};
use super::{Controls, Draws, Sampling};

/// What one row's codes are chosen by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Choice<'a> {
    pub sampling: &'a Sampling,
    pub draws: &'a Draws,
    /// All the ids the line has so far.
    pub history: &'a [u32],
}

impl Choice<'_> {
    /// The number that decides code `code` of the frame that comes next.
    pub(super) fn draw(&self, code: usize) -> f64 {
        self.draws.at(self.history.len(), code)
    }
}

/// Chooses codes where the logits are, so that nobody waits for them before a frame is complete.
#[derive(Debug)]
pub(crate) struct Chooser {
    controls: Controls,
    /// How many ids the talker has.
    vocabulary: usize,
    way: Way,
}

#[derive(Debug)]
enum Way {
    /// Logits are at hand.
    Host,
    /// They are not, and it costs time to get them.
    Device { talker: Ladder, predictor: Ladder },
}

impl Chooser {
    /// For logits on `device`; `codes` counts the predictor's ids.
    pub(crate) fn new(
        controls: Controls,
        vocabulary: usize,
        codes: usize,
        device: &Device,
    ) -> Result<Self> {
        match device {
            Device::Cpu => Ok(Self { controls, vocabulary, way: Way::Host }),
            Device::Cuda(_) | Device::Metal(_) => {
                Self::on_device(controls, vocabulary, codes, device)
            }
        }
    }

    /// The same in an accelerator's way, whatever `device` is.
    pub(crate) fn on_device(
        controls: Controls,
        vocabulary: usize,
        codes: usize,
        device: &Device,
    ) -> Result<Self> {
        let way = Way::Device {
            talker: Ladder::new(vocabulary, device)?,
            predictor: Ladder::new(codes, device)?,
        };
        Ok(Self { controls, vocabulary, way })
    }

    /// Begins a frame of these rows, in this order.
    pub(crate) fn frame<'a>(
        &'a self,
        rows: Vec<Choice<'a>>,
        device: &Device,
    ) -> Result<FrameChooser<'a>> {
        match &self.way {
            Way::Host => Ok(FrameChooser::Host { rows, controls: self.controls }),
            Way::Device { talker, predictor } => {
                let ballot = Ballot::new(&rows, self.controls, self.vocabulary, device)?;
                Ok(FrameChooser::Device { ballot, talker, predictor })
            }
        }
    }

    /// Whether an id ends its line.
    pub(crate) fn is_end(&self, id: u32) -> bool {
        id as usize == self.controls.end
    }
}

/// Chooses the codes of one frame of each row.
#[derive(Debug)]
pub(crate) enum FrameChooser<'a> {
    /// Row by row.
    Host { rows: Vec<Choice<'a>>, controls: Controls },
    /// All at once.
    Device { ballot: Ballot, talker: &'a Ladder, predictor: &'a Ladder },
}

impl FrameChooser<'_> {
    /// Chooses the talker's next ids: logits `[B, V]` → ids `[B]`.
    pub(crate) fn id(&self, logits: &Tensor) -> Result<Tensor> {
        match self {
            Self::Host { rows, controls } => {
                each(logits, rows, |logits, row| choose_id(logits, row, *controls))
            }
            Self::Device { ballot, talker, .. } => ballot.id(logits, talker),
        }
    }

    /// Chooses code `book` of each frame: logits `[B, V]` → ids `[B]`.
    pub(crate) fn code(&self, book: usize, logits: &Tensor) -> Result<Tensor> {
        match self {
            Self::Host { rows, .. } => {
                each(logits, rows, |logits, row| choose_code(logits, row, book))
            }
            Self::Device { ballot, predictor, .. } => ballot.code(book, logits, predictor),
        }
    }
}

/// Chooses on the host, row by row.
fn each(
    logits: &Tensor,
    rows: &[Choice],
    choose: impl Fn(&mut [f32], &Choice) -> u32,
) -> Result<Tensor> {
    let mut logits = logits.to_dtype(DType::F32)?.to_vec2::<f32>()?;
    let ids = logits.iter_mut().zip(rows).map(|(logits, row)| choose(logits, row));
    Tensor::new(ids.collect::<Vec<u32>>(), &Device::Cpu)
}
