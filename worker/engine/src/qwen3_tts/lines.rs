//! Many [`LineRequest`]s as one continuous batch, with the codes beside the samples.
//!
//! [`ContinuousBatch`](crate::ContinuousBatch) serves lines that come and go one by one and are all
//! chosen alike; here all are known from the start, and each says how it is chosen.

use std::collections::HashMap;
use std::sync::Arc;

use super::frames::{Ending, Frames, StepOutcome};
use super::length::Watch;
use super::model::{Line, QwenModel, endless, stuck};
use super::ready::ReadyVoice;
use super::request::{LineRequest, VoiceRequest};
use super::{Frame, device_failed};
use crate::error::excerpt;
use crate::{DeviceError, EngineError, LineError, Samples, Utterance, Vocoder};

/// A line that was spoken.
#[derive(Debug, Clone, PartialEq)]
pub struct SpokenLine {
    /// In order; never empty.
    pub frames: Vec<Frame>,
    /// What they sound like.
    pub samples: Samples,
}

/// How full the batch was. Counts up from 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Frame steps of the whole batch.
    pub steps: u64,
    /// Lines that were moved by them, added up: at most slots times steps.
    pub moves: u64,
    /// Voices that were made ready.
    pub voices: u64,
    /// Lines that found their voice ready.
    pub voice_hits: u64,
}

impl QwenModel {
    /// Speaks all of `requests` in `slots` seats, at least one: who ends makes room at once.
    ///
    /// `done` is told each line's place among the requests and what became of it, in the order in
    /// which they end; one line's failure costs that line only. What a line becomes depends on its
    /// request alone: on the CPU to the bit.
    ///
    /// # Errors
    /// [`DeviceError`] when the device fails; the lines that `done` was not told of are lost.
    pub fn speak_all(
        &self,
        requests: &[LineRequest],
        slots: usize,
        done: &mut dyn FnMut(usize, Result<SpokenLine, LineError>),
    ) -> Result<Tally, DeviceError> {
        let slots = slots.max(1);
        let mut run = Run {
            model: self,
            requests,
            next: 0,
            frames: Frames::new(&self.frames, slots),
            seated: (0..slots).map(|_| None).collect(),
            ended: Vec::new(),
            voices: Voices::of(requests),
            tally: Tally::default(),
            done,
        };
        while run.seat()? {
            run.advance()?;
            run.decode()?;
        }
        run.tally.voices = run.voices.made;
        run.tally.voice_hits = run.voices.hits;
        Ok(run.tally)
    }
}

struct Run<'a> {
    model: &'a QwenModel,
    requests: &'a [LineRequest],
    /// The first request that has not been looked at.
    next: usize,
    frames: Frames,
    /// By slot.
    seated: Vec<Option<Seated>>,
    /// To be decoded.
    ended: Vec<Ended>,
    voices: Voices,
    tally: Tally,
    done: &'a mut dyn FnMut(usize, Result<SpokenLine, LineError>),
}

struct Seated {
    /// Place among the requests.
    request: usize,
    voice: Arc<ReadyVoice>,
    frames: Vec<Frame>,
    watch: Watch,
}

struct Ended {
    request: usize,
    voice: Arc<ReadyVoice>,
    frames: Vec<Frame>,
}

impl Run<'_> {
    /// Seats who waits as long as there is room; says whether anybody is seated.
    fn seat(&mut self) -> Result<bool, DeviceError> {
        while self.frames.free_slots() > 0 && self.next < self.requests.len() {
            let request = self.next;
            self.next += 1;
            match self.seat_one(request) {
                Ok(()) => {}
                Err(EngineError::Line(error)) => (self.done)(request, Err(error)),
                Err(EngineError::Device(error)) => return Err(error),
            }
        }
        Ok(self.seated.iter().any(Option::is_some))
    }

    fn seat_one(&mut self, request: usize) -> Result<(), EngineError> {
        let LineRequest { text, voice, choosing, seed } = &self.requests[request];
        let sampling = self.model.sampling(choosing, text, &voice.language);
        let voice = self.voices.take(voice, self.model)?;
        let line = Line { text, sampling: sampling?, seed: *seed };
        let slot = self.model.seat(&mut self.frames, line, &voice)?;
        let (frames, watch) = (Vec::new(), Watch::default());
        self.seated[slot] = Some(Seated { request, voice, frames, watch });
        Ok(())
    }

    /// Moves every seated line by one frame.
    fn advance(&mut self) -> Result<(), DeviceError> {
        let outcomes = self.frames.step(&self.model.frames).map_err(device_failed)?;
        self.tally.steps += 1;
        self.tally.moves += outcomes.len() as u64;
        for (slot, outcome) in outcomes {
            match outcome {
                StepOutcome::Frame(frame) => self.take(slot, frame)?,
                StepOutcome::Ended(ending) => self.end(slot, ending),
            }
        }
        Ok(())
    }

    fn take(&mut self, slot: usize, frame: Frame) -> Result<(), DeviceError> {
        let Some(line) = &mut self.seated[slot] else { return Ok(()) };
        line.frames.push(frame);
        // Whoever says how long a line may become gets it that long.
        let is_ours = self.requests[line.request].choosing.max_new_tokens.is_none();
        if line.watch.is_stuck_after(&frame) && is_ours {
            let request = line.request;
            self.seated[slot] = None;
            self.frames.release(slot).map_err(device_failed)?;
            (self.done)(request, Err(stuck(&excerpt(&self.requests[request].text))));
        }
        Ok(())
    }

    fn end(&mut self, slot: usize, ending: Ending) {
        let Some(Seated { request, voice, frames, .. }) = self.seated[slot].take() else { return };
        let LineRequest { text, choosing, .. } = &self.requests[request];
        let is_lost = ending == Ending::Capped && choosing.max_new_tokens.is_none();
        if is_lost {
            (self.done)(request, Err(endless(&excerpt(text))));
        } else if frames.is_empty() {
            let problem = format!("`{}` came out without a frame", excerpt(text));
            (self.done)(request, Err(LineError::Text(problem)));
        } else {
            self.ended.push(Ended { request, voice, frames });
        }
    }

    /// Decodes who has ended, once there are enough of them or nobody follows.
    fn decode(&mut self) -> Result<(), DeviceError> {
        let vocoder = self.model.vocoder();
        let follows =
            |run: &Self| run.next < run.requests.len() || run.seated.iter().any(Option::is_some);
        while self.ended.len() >= vocoder.batch() || !(self.ended.is_empty() || follows(self)) {
            let count = self.ended.len().min(vocoder.batch());
            let lines: Vec<_> = self.ended.drain(..count).collect();
            let utterances: Vec<_> = lines
                .iter()
                .map(|line| Utterance { frames: &line.frames, prompt: line.voice.as_ref() })
                .collect();
            let decoded = vocoder.decode(&utterances)?;
            for (Ended { request, frames, .. }, samples) in lines.into_iter().zip(decoded) {
                (self.done)(request, samples.map(|samples| SpokenLine { frames, samples }));
            }
        }
        Ok(())
    }
}

/// Voices made ready, each kept for as long as lines to come have it.
struct Voices {
    kept: HashMap<VoiceRequest, Kept>,
    made: u64,
    hits: u64,
}

#[derive(Default)]
struct Kept {
    /// Lines that have not asked for it yet.
    left: usize,
    /// The voice, once a line has asked, or why there is none.
    ready: Option<Result<Arc<ReadyVoice>, LineError>>,
}

impl Voices {
    fn of(requests: &[LineRequest]) -> Self {
        let mut kept: HashMap<_, Kept> = HashMap::new();
        for request in requests {
            kept.entry(request.voice.clone()).or_default().left += 1;
        }
        Self { kept, made: 0, hits: 0 }
    }

    fn take(
        &mut self,
        request: &VoiceRequest,
        model: &QwenModel,
    ) -> Result<Arc<ReadyVoice>, EngineError> {
        let kept = self.kept.entry(request.clone()).or_default();
        let ready = if let Some(ready) = &kept.ready {
            self.hits += 1;
            ready.clone()
        } else {
            self.made += 1;
            let ready = match model.ready(request) {
                Ok(voice) => Ok(Arc::new(voice)),
                Err(EngineError::Line(error)) => Err(error),
                Err(EngineError::Device(error)) => return Err(error.into()),
            };
            kept.ready = Some(ready.clone());
            ready
        };
        kept.left = kept.left.saturating_sub(1);
        if kept.left == 0 {
            self.kept.remove(request);
        }
        Ok(ready?)
    }
}
