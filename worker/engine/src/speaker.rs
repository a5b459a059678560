//! The words that whoever wants lines spoken shares with this crate.

use schemas::{Pause, Voice};

use crate::{DeviceError, EngineError, LineError, PromptCounts};

/// Samples of one channel.
#[derive(Debug, Clone, PartialEq)]
pub struct Samples {
    /// −1 to 1; values beyond are possible and are the caller's to limit.
    pub samples: Vec<f32>,
    /// Samples a second.
    pub rate_hz: u32,
}

/// A line to be spoken.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// Comes back in [`Finished`]; unique among the lines that are not finished.
    pub tag: u64,
    /// What is said. UTF-8, 1 to 10 000 characters.
    pub text: String,
    /// Silences inside it, in order.
    pub pauses: Vec<Pause>,
    /// BCP 47.
    pub language: String,
    /// The voice it is said in.
    pub voice: Voice,
    /// Seeds the line's own generator.
    pub seed: u64,
}

/// A line that is done, one way or the other.
#[derive(Debug)]
pub struct Finished {
    /// The request's.
    pub tag: u64,
    /// Its audio, or why there is none. One line's failure costs that line only.
    pub result: Result<Samples, LineError>,
}

/// What a speaker is and can hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caps {
    /// Name and version of all that decides samples besides the request; part of every take's key.
    pub engine: String,
    /// Models it speaks, as voices name them.
    pub models: Vec<String>,
    /// Lines it speaks at once; at least 1.
    pub slots: usize,
    /// Samples a second of what it gives.
    pub rate_hz: u32,
}

/// A kind of work that a turn does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// Lines take their seats: their texts are read.
    Prefill,
    /// Every seated line moves by one frame.
    Decode,
    /// Frames become samples.
    Vocode,
}

/// Whoever wants to know how long work takes; the engine itself reads no clock.
pub trait Watch {
    /// Work on these lines begins, by tag; a line of several parts is named for each.
    fn begins(&mut self, work: Work, lines: &[u64]);

    /// The same work ends, unless the device failed.
    fn ends(&mut self, work: Work, lines: &[u64]);
}

/// A watch that nobody looks at.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unwatched;

impl Watch for Unwatched {
    fn begins(&mut self, _: Work, _: &[u64]) {}

    fn ends(&mut self, _: Work, _: &[u64]) {}
}

/// Something that speaks many lines at once, seating a waiting one the moment a seat is free.
pub trait Speaker {
    /// What it is and can hold.
    fn caps(&self) -> Caps;

    /// How many more lines it would take now without making them wait.
    fn free_slots(&self) -> usize;

    /// Makes a voice ready before the first line that needs it; does nothing where it is ready, or
    /// where there is nothing to make.
    ///
    /// # Errors
    /// [`EngineError::Line`] when it cannot be made ready: its lines fail likewise.
    fn prepare(&mut self, _voice: &Voice, _language: &str) -> Result<(), EngineError> {
        Ok(())
    }

    /// Hears who speaks in samples: a vector that is compared by [`likeness`](crate::likeness()). `None`
    /// when it cannot hear.
    ///
    /// # Errors
    /// [`EngineError::Line`] says what is wrong with the samples.
    fn embed(&mut self, _samples: &Samples) -> Result<Option<Vec<f32>>, EngineError> {
        Ok(None)
    }

    /// How much samples sound like the recording a voice is cloned from, from −1 to 1; see
    /// [`likeness`](crate::likeness()). `None` when that cannot be told: there is no recording, too
    /// little is said, or it cannot hear.
    ///
    /// # Errors
    /// [`DeviceError`] only: a voice that cannot be made ready has no likeness.
    fn likeness(
        &mut self,
        _voice: &Voice,
        _language: &str,
        _samples: &Samples,
    ) -> Result<Option<f32>, DeviceError> {
        Ok(None)
    }

    /// Takes a line in; it is seated by the next turn that has a seat free.
    fn admit(&mut self, request: Request);

    /// Moves every seated line by one frame, and returns who is done.
    ///
    /// # Errors
    /// [`DeviceError`] only: a line's own failure is in its [`Finished`].
    fn turn(&mut self) -> Result<Vec<Finished>, DeviceError>;

    /// As [`Speaker::turn`], and tells `watch` when each kind of work begins and ends. One that has
    /// nothing to tell tells nothing.
    ///
    /// # Errors
    /// As [`Speaker::turn`].
    fn turn_watched(&mut self, _watch: &mut dyn Watch) -> Result<Vec<Finished>, DeviceError> {
        self.turn()
    }

    /// Forgets a line, wherever it stands; it is not reported any more.
    fn cancel(&mut self, tag: u64);

    /// Whether no line is seated or waiting.
    fn is_idle(&self) -> bool;

    /// How well prepared voices are kept, since the start; all 0 for a speaker that keeps none.
    fn prompt_counts(&self) -> PromptCounts {
        PromptCounts::default()
    }
}
