//! What a model has to be able to do so that [`crate::ContinuousBatch`] can turn it.
//!
//! Weights are behind `&self`; all that changes while lines are spoken lives in the seats. One
//! thread owns both.

use schemas::Voice;

use crate::{DeviceError, EngineError, LineError, Request, Samples};

/// What is known of a line before it is seated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinePlan {
    /// Turns after which the line is ended as a runaway, counted from its first step; at least 1.
    /// Generous: a line that reaches it is lost.
    pub max_turns: u32,
}

/// A line about to be seated.
#[derive(Debug)]
pub struct Seating<'a, P> {
    /// The free seat it gets, from 0.
    pub slot: usize,
    /// What is to be said.
    pub request: &'a Request,
    /// Its voice, made ready.
    pub prompt: &'a P,
}

/// What one step gave one seated line.
#[derive(Debug, Clone, PartialEq)]
pub enum Step<F> {
    /// The next frame.
    Frame(F),
    /// Nothing yet; counts as a turn all the same, so that a line cannot hang for ever.
    Pending,
    /// No more frames; those before are the line.
    End,
    /// The line cannot go on; its frames are thrown away.
    Failed(LineError),
}

/// Turns lines into frames, several at once.
pub trait SpeechModel {
    /// A voice made ready, e.g. a clone prompt with its prefix in the cache.
    type Prompt;
    /// The state of all seated lines, e.g. a key/value cache with one row per slot.
    type Seats;
    /// A bounded piece of a line, e.g. 16 codes for 80 ms.
    type Frame;

    /// Name and version of all that decides frames besides the request.
    fn engine(&self) -> &str;

    /// The models it speaks, as voices name them.
    fn models(&self) -> Vec<String>;

    /// Makes empty seats, numbered from 0 to `slots` − 1.
    ///
    /// # Errors
    /// [`DeviceError`] when they do not fit into memory.
    fn seats(&self, slots: usize) -> Result<Self::Seats, DeviceError>;

    /// Makes a voice ready to speak `language`. Expensive: the result is kept.
    ///
    /// # Errors
    /// [`LineError::Voice`] says what is missing and how to get it.
    fn prepare_voice(&self, voice: &Voice, language: &str) -> Result<Self::Prompt, EngineError>;

    /// Bytes that a voice made ready takes, on the device and beside it.
    fn prompt_bytes(&self, prompt: &Self::Prompt) -> usize {
        size_of_val(prompt)
    }

    /// A voice made ready as bytes for another run; `None` for one that is made as fast as read.
    /// `key` names it and has to come back with it.
    fn keep(&self, _key: &str, _prompt: &Self::Prompt) -> Option<Vec<u8>> {
        None
    }

    /// Reads what [`Self::keep`] made of a voice in a language, from bytes that anybody may have
    /// written. What is spoken with it is the same to the bit as with the voice made anew.
    ///
    /// # Errors
    /// When they are not that, or are damaged.
    fn recall(
        &self,
        _key: &str,
        (voice, _language): (&Voice, &str),
        _bytes: &[u8],
    ) -> Result<Self::Prompt, EngineError> {
        let problem = format!("the voice `{}` is not kept between runs", voice.name);
        Err(LineError::Voice(problem).into())
    }

    /// Hears who speaks in samples: a vector that is compared by [`likeness`](crate::likeness()). `None`
    /// for a model that cannot hear.
    ///
    /// # Errors
    /// [`LineError::Voice`] says what is wrong with the samples.
    fn embed(&self, _samples: &Samples) -> Result<Option<Vec<f32>>, EngineError> {
        Ok(None)
    }

    /// Who speaks in the recording that a voice was made ready from, as [`Self::embed`] would give it;
    /// `None` for a voice without a recording.
    ///
    /// # Errors
    /// [`DeviceError`] only.
    fn embedding(&self, _prompt: &Self::Prompt) -> Result<Option<Vec<f32>>, DeviceError> {
        Ok(None)
    }

    /// Whether lines come divided at their pauses, each part as a line of its own, because the model
    /// does not make silences of a length asked for. Otherwise it is given the pauses.
    fn divides_at_pauses(&self) -> bool {
        false
    }

    /// Bounds a line by its text, before anything is computed for it.
    ///
    /// # Errors
    /// [`LineError::Text`] when it cannot be spoken at all.
    fn plan(&self, request: &Request, prompt: &Self::Prompt) -> Result<LinePlan, LineError>;

    /// Seats lines, all in one call so that their prefill can be one batch. Gives one result per
    /// line, in order; a line refused leaves its seat free.
    ///
    /// # Errors
    /// [`DeviceError`] only.
    fn admit(
        &self,
        seats: &mut Self::Seats,
        lines: &[Seating<'_, Self::Prompt>],
    ) -> Result<Vec<Result<(), LineError>>, DeviceError>;

    /// Moves the lines in `slots`, ascending and all seated, by one frame each. Gives one step per
    /// slot, in order. What a line gets depends on its request alone, never on its neighbours.
    ///
    /// # Errors
    /// [`DeviceError`] only.
    fn step(
        &self,
        seats: &mut Self::Seats,
        slots: &[usize],
    ) -> Result<Vec<Step<Self::Frame>>, DeviceError>;

    /// Frees a seat: its line has ended, failed or is not wanted any more.
    fn release(&self, seats: &mut Self::Seats, slot: usize);
}

/// The frames of one whole line.
#[derive(Debug)]
pub struct Utterance<'a, F, P> {
    /// In order; never empty.
    pub frames: &'a [F],
    /// The voice it was spoken in.
    pub prompt: &'a P,
}

/// Turns frames into samples, several lines at once.
pub trait Vocoder {
    /// What it decodes; the model's.
    type Frame;
    /// The voices it knows; the model's.
    type Prompt;

    /// Samples a second of what it usually gives; [`Samples::rate_hz`] is what counts.
    fn rate_hz(&self) -> u32;

    /// Lines worth decoding together; at least 1. Never given more.
    fn batch(&self) -> usize;

    /// Turns that a finished line may wait for others to be decoded with; 0 for none.
    fn patience(&self) -> u32;

    /// Decodes whole lines. Gives one result per line, in order, whatever the others are.
    ///
    /// # Errors
    /// [`DeviceError`] only.
    fn decode(
        &self,
        lines: &[Utterance<'_, Self::Frame, Self::Prompt>],
    ) -> Result<Vec<Result<Samples, LineError>>, DeviceError>;
}
