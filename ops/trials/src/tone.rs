//! A speaker that takes no time, or as much as it is told to.

use std::collections::VecDeque;
use std::time::Duration;

use engine::{Caps, DeviceError, Finished, Request, Samples, Speaker};
use worker::OpenError;

/// Samples a second of what it gives.
const RATE_HZ: u32 = 24_000;

/// Speaks a tone whose pitch and length follow from the request alone, under the name of the
/// scratch engine, so that casts need no weights. Its store is good for trials only.
pub struct ToneSpeaker {
    slots: usize,
    /// What a turn lasts, whoever is seated: as a GPU's does.
    turn: Duration,
    /// With the turns that are left of each.
    lines: VecDeque<(Request, u32)>,
}

impl ToneSpeaker {
    /// Makes a speaker of `slots` seats whose lines take `turns` turns of `turn` each.
    ///
    /// # Errors
    /// None; the type is what opens speakers elsewhere.
    pub fn open(slots: usize, turn: Duration) -> Result<Box<dyn Speaker>, OpenError> {
        Ok(Box::new(Self { slots, turn, lines: VecDeque::new() }))
    }
}

/// Turns a line takes.
const TURNS: u32 = 4;

impl Speaker for ToneSpeaker {
    fn caps(&self) -> Caps {
        Caps {
            engine: engine::scratch::ENGINE.to_owned(),
            models: vec!["scratch".to_owned()],
            slots: self.slots,
            rate_hz: RATE_HZ,
        }
    }

    fn free_slots(&self) -> usize {
        self.slots.saturating_sub(self.lines.len())
    }

    fn admit(&mut self, request: Request) {
        self.lines.push_back((request, TURNS));
    }

    #[expect(clippy::disallowed_methods, reason = "it stands for a device that takes its time")]
    fn turn(&mut self) -> Result<Vec<Finished>, DeviceError> {
        std::thread::sleep(self.turn);
        for (_, left) in self.lines.iter_mut().take(self.slots) {
            *left -= 1;
        }
        let (done, left): (Vec<_>, Vec<_>) = self.lines.drain(..).partition(|(_, left)| *left == 0);
        self.lines = left.into();
        Ok(done.iter().map(|(request, _)| spoken(request)).collect())
    }

    fn cancel(&mut self, tag: u64) {
        self.lines.retain(|(request, _)| request.tag != tag);
    }

    fn is_idle(&self) -> bool {
        self.lines.is_empty()
    }
}

/// Between 0.2 s and 0.3 s of a sine.
fn spoken(request: &Request) -> Finished {
    let mixed = request.text.bytes().fold(request.seed, |mixed, byte| {
        mixed.wrapping_mul(0x0100_0000_01b3).wrapping_add(u64::from(byte))
    });
    #[expect(clippy::cast_precision_loss, reason = "below 2^9")]
    let hertz = 120.0 + (mixed % 400) as f64;
    let length = RATE_HZ / 5 + u32::try_from(mixed >> 32).unwrap_or(0) % (RATE_HZ / 10);
    let step = hertz * std::f64::consts::TAU / f64::from(RATE_HZ);
    #[expect(clippy::cast_possible_truncation, reason = "a sine is within −1 to 1")]
    let samples = (0..length).map(|at| (f64::from(at) * step).sin() as f32 * 0.3).collect();
    Finished { tag: request.tag, result: Ok(Samples { samples, rate_hz: RATE_HZ }) }
}
