//! Continuous batching: the running batch never waits for its slowest line.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::error::excerpt;
use crate::prompts::Prompts;
use crate::{
    Caps, DeviceError, EngineError, Finished, LineError, LinePlan, PromptCounts, Request, Seating,
    Speaker, SpeechModel, Step, Utterance, Vocoder,
};

/// Speaks many lines at once over a fixed number of seats.
///
/// Every turn seats who waits, moves every seated line by one frame, and decodes who has ended.
/// A line leaves its seat the moment it ends, so that the next one can be seated; it is bounded by
/// its plan, so that a runaway cannot keep one. Batching changes when a line is spoken, never what.
///
/// After a [`DeviceError`] the batch is lost: it must not be turned again.
pub struct ContinuousBatch<M: SpeechModel, V> {
    model: M,
    vocoder: V,
    seats: M::Seats,
    prompts: Prompts<M::Prompt>,
    /// Longest waiting first.
    waiting: VecDeque<Request>,
    /// By slot.
    seated: Vec<Option<Seated<M>>>,
    /// To be decoded, longest waiting first.
    ended: VecDeque<Ended<M>>,
    /// To be returned by this turn.
    finished: Vec<Finished>,
}

/// A line in its seat.
struct Seated<M: SpeechModel> {
    request: Request,
    prompt: Arc<M::Prompt>,
    frames: Vec<M::Frame>,
    turns: u32,
    plan: LinePlan,
}

/// A line whose frames are all there.
struct Ended<M: SpeechModel> {
    tag: u64,
    prompt: Arc<M::Prompt>,
    frames: Vec<M::Frame>,
    /// Turns it has waited for others to be decoded with.
    waited: u32,
}

/// A line that is about to be seated.
struct Planned<P> {
    slot: usize,
    request: Request,
    prompt: Arc<P>,
    plan: LinePlan,
}

impl<M, V> ContinuousBatch<M, V>
where
    M: SpeechModel,
    V: Vocoder<Frame = M::Frame, Prompt = M::Prompt>,
{
    /// Makes `slots` seats, at least one, and room for `prompts` prepared voices, at least one.
    ///
    /// # Errors
    /// [`DeviceError`] when the seats do not fit into memory.
    pub fn new(model: M, vocoder: V, slots: usize, prompts: usize) -> Result<Self, DeviceError> {
        let slots = slots.max(1);
        Ok(Self {
            seats: model.seats(slots)?,
            model,
            vocoder,
            prompts: Prompts::new(prompts),
            waiting: VecDeque::new(),
            seated: (0..slots).map(|_| None).collect(),
            ended: VecDeque::new(),
            finished: Vec::new(),
        })
    }

    /// Seats waiting lines until the seats are full or nobody waits. One that is refused leaves its
    /// seat to the next.
    fn seat(&mut self) -> Result<(), DeviceError> {
        loop {
            let planned = self.plan_next()?;
            if planned.is_empty() {
                return Ok(());
            }
            let seatings: Vec<_> = planned
                .iter()
                .map(|line| Seating {
                    slot: line.slot,
                    request: &line.request,
                    prompt: line.prompt.as_ref(),
                })
                .collect();
            let results = self.model.admit(&mut self.seats, &seatings)?;
            expect_as_many("seatings", results.len(), planned.len())?;
            for (line, result) in planned.into_iter().zip(results) {
                let Planned { slot, request, prompt, plan } = line;
                match result {
                    Ok(()) => {
                        let frames = Vec::new();
                        self.seated[slot] =
                            Some(Seated { request, prompt, frames, turns: 0, plan });
                    }
                    Err(err) => self.finish(request.tag, Err(err)),
                }
            }
        }
    }

    /// Takes as many waiting lines as there are free seats, voices ready and texts bounded.
    fn plan_next(&mut self) -> Result<Vec<Planned<M::Prompt>>, DeviceError> {
        let free: Vec<_> =
            (0..self.seated.len()).filter(|&slot| self.seated[slot].is_none()).collect();
        let mut planned = Vec::new();
        while planned.len() < free.len() {
            let Some(request) = self.waiting.pop_front() else { break };
            match self.plan(&request) {
                Ok((prompt, plan)) => {
                    let slot = free[planned.len()];
                    planned.push(Planned { slot, request, prompt, plan });
                }
                Err(EngineError::Line(err)) => self.finish(request.tag, Err(err)),
                Err(EngineError::Device(err)) => return Err(err),
            }
        }
        Ok(planned)
    }

    fn plan(&mut self, request: &Request) -> Result<(Arc<M::Prompt>, LinePlan), EngineError> {
        let Request { voice, language, .. } = request;
        let prompt =
            self.prompts.get(voice, language, || self.model.prepare_voice(voice, language))?;
        let plan = self.model.plan(request, &prompt)?;
        Ok((prompt, plan))
    }

    /// Moves every seated line by one frame.
    fn advance(&mut self) -> Result<(), DeviceError> {
        let slots: Vec<_> =
            (0..self.seated.len()).filter(|&slot| self.seated[slot].is_some()).collect();
        if slots.is_empty() {
            return Ok(());
        }
        let steps = self.model.step(&mut self.seats, &slots)?;
        expect_as_many("steps", steps.len(), slots.len())?;
        for (slot, step) in slots.into_iter().zip(steps) {
            self.take_step(slot, step);
        }
        Ok(())
    }

    fn take_step(&mut self, slot: usize, step: Step<M::Frame>) {
        let Some(line) = self.seated[slot].as_mut() else { return };
        line.turns += 1;
        match step {
            Step::Frame(frame) => line.frames.push(frame),
            Step::Pending => {}
            Step::End => return self.end(slot),
            Step::Failed(err) => return self.fail(slot, err),
        }
        if line.turns >= line.plan.max_turns {
            let start = excerpt(&line.request.text);
            let turns = line.turns;
            self.fail(
                slot,
                LineError::Text(format!(
                    "`{start}` was still being spoken after {turns} turns; reword or divide it"
                )),
            );
        }
    }

    fn end(&mut self, slot: usize) {
        let Some(Seated { request, prompt, frames, .. }) = self.unseat(slot) else { return };
        if frames.is_empty() {
            let start = excerpt(&request.text);
            let silent = LineError::Text(format!("`{start}` came out silent; reword it"));
            self.finish(request.tag, Err(silent));
        } else {
            self.ended.push_back(Ended { tag: request.tag, prompt, frames, waited: 0 });
        }
    }

    fn fail(&mut self, slot: usize, err: LineError) {
        if let Some(line) = self.unseat(slot) {
            self.finish(line.request.tag, Err(err));
        }
    }

    fn unseat(&mut self, slot: usize) -> Option<Seated<M>> {
        let line = self.seated[slot].take()?;
        self.model.release(&mut self.seats, slot);
        Some(line)
    }

    /// Decodes ended lines, full batches first, the rest when waiting longer gains nothing.
    fn decode(&mut self) -> Result<(), DeviceError> {
        let batch = self.vocoder.batch().max(1);
        while self.ended.len() >= batch || self.should_not_wait() {
            let count = self.ended.len().min(batch);
            let lines: Vec<_> = self.ended.drain(..count).collect();
            let utterances: Vec<_> = lines
                .iter()
                .map(|line| Utterance { frames: &line.frames, prompt: line.prompt.as_ref() })
                .collect();
            let decoded = self.vocoder.decode(&utterances)?;
            expect_as_many("decoded lines", decoded.len(), lines.len())?;
            for (line, result) in lines.into_iter().zip(decoded) {
                self.finish(line.tag, result);
            }
        }
        for line in &mut self.ended {
            line.waited += 1;
        }
        Ok(())
    }

    fn should_not_wait(&self) -> bool {
        let patience = self.vocoder.patience();
        let nobody_follows = self.waiting.is_empty() && self.seated.iter().all(Option::is_none);
        self.ended.front().is_some_and(|line| nobody_follows || line.waited >= patience)
    }

    fn finish(&mut self, tag: u64, result: Result<crate::Samples, LineError>) {
        self.finished.push(Finished { tag, result });
    }
}

impl<M, V> Speaker for ContinuousBatch<M, V>
where
    M: SpeechModel,
    V: Vocoder<Frame = M::Frame, Prompt = M::Prompt>,
{
    fn caps(&self) -> Caps {
        Caps {
            engine: self.model.engine().to_owned(),
            models: self.model.models(),
            slots: self.seated.len(),
            rate_hz: self.vocoder.rate_hz(),
        }
    }

    fn free_slots(&self) -> usize {
        let free = self.seated.iter().filter(|seat| seat.is_none()).count();
        free.saturating_sub(self.waiting.len())
    }

    fn admit(&mut self, request: Request) {
        self.waiting.push_back(request);
    }

    fn turn(&mut self) -> Result<Vec<Finished>, DeviceError> {
        self.seat()?;
        self.advance()?;
        self.decode()?;
        Ok(std::mem::take(&mut self.finished))
    }

    fn cancel(&mut self, tag: u64) {
        self.waiting.retain(|request| request.tag != tag);
        self.ended.retain(|line| line.tag != tag);
        let is_it = |seat: &Option<Seated<M>>| seat.as_ref().is_some_and(|s| s.request.tag == tag);
        if let Some(slot) = self.seated.iter().position(is_it) {
            self.unseat(slot);
        }
    }

    fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.ended.is_empty() && self.seated.iter().all(Option::is_none)
    }

    fn prompt_counts(&self) -> PromptCounts {
        self.prompts.counts()
    }
}

/// A model that loses count would leave lines seated for ever: better to stop at once.
fn expect_as_many(what: &str, got: usize, wanted: usize) -> Result<(), DeviceError> {
    if got == wanted {
        return Ok(());
    }
    Err(DeviceError(format!("the model gave {got} {what} where {wanted} were due")))
}

#[cfg(test)]
mod tests;
