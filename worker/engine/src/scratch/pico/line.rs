//! One line being spoken by Pico.

use std::collections::VecDeque;
use std::path::PathBuf;

use super::ffi::{Engine, PicoError};
use crate::scratch::frame::{Frame, Speech};
use crate::scratch::text::{Passage, for_pico};
use crate::scratch::timbre::Settings;
use crate::{LineError, Step};

/// Samples a second of everything that Pico says.
pub(crate) const RATE_HZ: u32 = 16_000;

/// Samples after which a step ends: half a second, a few milliseconds' work.
const STEP_SAMPLES: usize = 8_000;

/// Calls into Pico after which a step ends though it gave nothing; about as long.
const STEP_CALLS: usize = 8_000;

/// Per cent of Pico's own level. At 100 it clips, and low voices do so from 30 on.
const LEVEL: u32 = 20;

/// A line with an engine of its own.
#[derive(Debug)]
pub(crate) struct PicoLine {
    engine: Engine,
    commands: String,
    /// What is not begun yet.
    passages: VecDeque<Passage>,
    /// What of the begun passage Pico has not taken yet.
    rest: VecDeque<u8>,
    is_speaking: bool,
}

impl PicoLine {
    /// Starts an engine for one line.
    ///
    /// # Errors
    /// When the voice's files cannot be loaded.
    pub(crate) fn open(
        files: &[PathBuf; 2],
        settings: Settings,
        passages: Vec<Passage>,
    ) -> Result<Self, PicoError> {
        Ok(Self {
            engine: Engine::open(&files[0], &files[1])?,
            commands: commands(settings),
            passages: passages.into(),
            rest: VecDeque::new(),
            is_speaking: false,
        })
    }

    /// Speaks up to half a second more.
    pub(crate) fn step(&mut self) -> Step<Frame> {
        if !self.is_speaking {
            match self.passages.pop_front() {
                None => return Step::End,
                Some(Passage::Silence(ms)) => return Step::Frame(Frame::Silence(ms)),
                Some(Passage::Speech(text)) => self.begin(&text),
            }
        }
        match self.speak() {
            Ok(samples) if samples.is_empty() => Step::Pending,
            Ok(samples) => Step::Frame(Frame::Speech(Speech { samples, rate_hz: RATE_HZ })),
            Err(err) => Step::Failed(LineError::Failed(err.to_string())),
        }
    }

    /// Gives Pico the commands with every passage: they are absolute, so repeating them is harmless.
    fn begin(&mut self, text: &str) {
        if let Some(text) = for_pico(text) {
            self.rest.extend(self.commands.bytes());
            self.rest.extend(text.bytes());
            self.rest.push_back(0);
            self.is_speaking = true;
        }
    }

    fn speak(&mut self) -> Result<Vec<i16>, PicoError> {
        let mut spoken = Vec::new();
        let mut buffer = [0; 1_024];
        for _ in 0..STEP_CALLS {
            if !self.is_speaking || spoken.len() >= STEP_SAMPLES {
                break;
            }
            if !self.rest.is_empty() {
                let taken = self.engine.put(self.rest.make_contiguous())?;
                self.rest.drain(..taken);
            }
            let (samples, is_busy) = self.engine.get(&mut buffer)?;
            spoken.extend_from_slice(samples);
            self.is_speaking = is_busy || !self.rest.is_empty();
        }
        Ok(spoken)
    }
}

/// Pico's own tags, within its limits: pitch 50 to 200, speed 20 to 500, both in per cent.
///
/// A pitch beyond what it can do is as near as it gets: size is kept, for it tells speakers apart.
fn commands(settings: Settings) -> String {
    let pitch = (settings.pitch * 100.0).round().clamp(50.0, 200.0);
    let speed = (settings.rate * 100.0).round().clamp(20.0, 500.0);
    format!("<volume level=\"{LEVEL}\"><pitch level=\"{pitch}\"><speed level=\"{speed}\">")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pico_is_never_asked_for_more_than_it_can_do() {
        let asked = |pitch, rate| commands(Settings { pitch, rate, faster_percent: 100 });
        let tags = |pitch, speed| {
            format!("<volume level=\"20\"><pitch level=\"{pitch}\"><speed level=\"{speed}\">")
        };
        assert_eq!(asked(1.0, 1.0), tags(100, 100));
        assert_eq!(asked(2.5, 9.0), tags(200, 500));
        assert_eq!(asked(0.4, 0.1), tags(50, 20));
    }
}
