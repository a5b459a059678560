//! Continuous batching: the running batch never waits for its slowest line.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use schemas::Voice;

use crate::error::excerpt;
use crate::passages::{self, Line, Passage};
use crate::prompts::Prompts;
use crate::{
    Caps, DeviceError, EngineError, Finished, LineError, LinePlan, PromptCounts, PromptStore,
    Request, Samples, Seating, Speaker, SpeechModel, Step, Unwatched, Utterance, Vocoder, Watch,
    Work,
};

/// Speaks many lines at once over a fixed number of seats.
///
/// Every turn seats who waits, moves every seated line by one frame, and decodes who has ended.
/// A line leaves its seat the moment it ends, so that the next one can be seated; it is bounded by
/// its plan, so that a runaway cannot keep one. Batching changes when a line is spoken, never what.
///
/// A line with pauses in it takes a seat for each of its parts, if the model wants it so: they are
/// joined when all are decoded.
///
/// After a [`DeviceError`] the batch is lost: it must not be turned again.
pub struct ContinuousBatch<M: SpeechModel, V> {
    model: M,
    vocoder: V,
    seats: M::Seats,
    prompts: Prompts<M::Prompt>,
    /// Lines that are not finished, by tag.
    lines: HashMap<u64, Line>,
    /// Longest waiting first.
    waiting: VecDeque<Passage>,
    /// By slot.
    seated: Vec<Option<Seated<M>>>,
    /// To be decoded, longest waiting first.
    ended: VecDeque<Ended<M>>,
    /// To be returned by this turn.
    finished: Vec<Finished>,
}

/// A line, or a part of one, in its seat.
struct Seated<M: SpeechModel> {
    passage: Passage,
    prompt: Arc<M::Prompt>,
    frames: Vec<M::Frame>,
    turns: u32,
    plan: LinePlan,
}

/// A line, or a part of one, whose frames are all there.
struct Ended<M: SpeechModel> {
    tag: u64,
    place: usize,
    prompt: Arc<M::Prompt>,
    frames: Vec<M::Frame>,
    /// Turns it has waited for others to be decoded with.
    waited: u32,
}

/// A line that is about to be seated.
struct Planned<P> {
    slot: usize,
    passage: Passage,
    prompt: Arc<P>,
    plan: LinePlan,
}

impl<M, V> ContinuousBatch<M, V>
where
    M: SpeechModel,
    V: Vocoder<Frame = M::Frame, Prompt = M::Prompt>,
{
    /// Makes `slots` seats, at least one, and room for `prompt_bytes` of voices made ready; the one
    /// last asked for is kept in any case.
    ///
    /// # Errors
    /// [`DeviceError`] when the seats do not fit into memory.
    pub fn new(
        model: M,
        vocoder: V,
        slots: usize,
        prompt_bytes: usize,
    ) -> Result<Self, DeviceError> {
        let slots = slots.max(1);
        Ok(Self {
            seats: model.seats(slots)?,
            model,
            vocoder,
            prompts: Prompts::new(prompt_bytes),
            lines: HashMap::new(),
            waiting: VecDeque::new(),
            seated: (0..slots).map(|_| None).collect(),
            ended: VecDeque::new(),
            finished: Vec::new(),
        })
    }

    /// Keeps voices made ready in `store` as well, so that the next run finds them.
    #[must_use]
    pub fn keeping_prompts_in(mut self, store: Box<dyn PromptStore>) -> Self {
        self.prompts.keep_in(store);
        self
    }

    /// Seats waiting lines until the seats are full or nobody waits. One that is refused leaves its
    /// seat to the next.
    fn seat(&mut self, watch: &mut dyn Watch) -> Result<(), DeviceError> {
        loop {
            let planned = self.plan_next()?;
            if planned.is_empty() {
                return Ok(());
            }
            let seatings: Vec<_> = planned
                .iter()
                .map(|line| Seating {
                    slot: line.slot,
                    request: &line.passage.request,
                    prompt: line.prompt.as_ref(),
                })
                .collect();
            let tags: Vec<_> = planned.iter().map(|line| line.passage.request.tag).collect();
            watch.begins(Work::Prefill, &tags);
            let results = self.model.admit(&mut self.seats, &seatings)?;
            watch.ends(Work::Prefill, &tags);
            expect_as_many("seatings", results.len(), planned.len())?;
            for (line, result) in planned.into_iter().zip(results) {
                let Planned { slot, passage, prompt, plan } = line;
                match result {
                    // A part before it was refused in the same call.
                    Ok(()) if !self.is_wanted(&passage) => {
                        self.model.release(&mut self.seats, slot);
                    }
                    Ok(()) => {
                        let frames = Vec::new();
                        self.seated[slot] =
                            Some(Seated { passage, prompt, frames, turns: 0, plan });
                    }
                    Err(err) => self.finish(passage.request.tag, passage.place, Err(err)),
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
            let Some(passage) = self.waiting.pop_front() else { break };
            match self.plan(&passage.request) {
                Ok((prompt, plan)) => {
                    let slot = free[planned.len()];
                    planned.push(Planned { slot, passage, prompt, plan });
                }
                Err(EngineError::Line(err)) => {
                    self.finish(passage.request.tag, passage.place, Err(err));
                }
                Err(EngineError::Device(err)) => return Err(err),
            }
        }
        Ok(planned)
    }

    fn plan(&mut self, request: &Request) -> Result<(Arc<M::Prompt>, LinePlan), EngineError> {
        let prompt = self.prompt(&request.voice, &request.language)?;
        let plan = self.model.plan(request, &prompt)?;
        Ok((prompt, plan))
    }

    fn prompt(&mut self, voice: &Voice, language: &str) -> Result<Arc<M::Prompt>, EngineError> {
        self.prompts.get(&self.model, voice, language)
    }

    /// Moves every seated line by one frame.
    fn advance(&mut self, watch: &mut dyn Watch) -> Result<(), DeviceError> {
        let slots: Vec<_> =
            (0..self.seated.len()).filter(|&slot| self.seated[slot].is_some()).collect();
        if slots.is_empty() {
            return Ok(());
        }
        let seated = slots.iter().filter_map(|&slot| self.seated[slot].as_ref());
        let tags: Vec<_> = seated.map(|line| line.passage.request.tag).collect();
        watch.begins(Work::Decode, &tags);
        let steps = self.model.step(&mut self.seats, &slots)?;
        watch.ends(Work::Decode, &tags);
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
            let start = excerpt(&line.passage.request.text);
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
        let Some(Seated { passage, prompt, frames, .. }) = self.unseat(slot) else { return };
        let Passage { place, request } = passage;
        if frames.is_empty() {
            let start = excerpt(&request.text);
            let silent = LineError::Text(format!("`{start}` came out silent; reword it"));
            self.finish(request.tag, place, Err(silent));
        } else {
            self.ended.push_back(Ended { tag: request.tag, place, prompt, frames, waited: 0 });
        }
    }

    fn fail(&mut self, slot: usize, err: LineError) {
        if let Some(Seated { passage, .. }) = self.unseat(slot) {
            self.finish(passage.request.tag, passage.place, Err(err));
        }
    }

    fn unseat(&mut self, slot: usize) -> Option<Seated<M>> {
        let line = self.seated[slot].take()?;
        self.model.release(&mut self.seats, slot);
        Some(line)
    }

    /// Decodes ended lines, full batches first, the rest when waiting longer gains nothing.
    fn decode(&mut self, watch: &mut dyn Watch) -> Result<(), DeviceError> {
        let batch = self.vocoder.batch().max(1);
        while self.ended.len() >= batch || self.should_not_wait() {
            let count = self.ended.len().min(batch);
            let lines: Vec<_> = self.ended.drain(..count).collect();
            let utterances: Vec<_> = lines
                .iter()
                .map(|line| Utterance { frames: &line.frames, prompt: line.prompt.as_ref() })
                .collect();
            let tags: Vec<_> = lines.iter().map(|line| line.tag).collect();
            watch.begins(Work::Vocode, &tags);
            let decoded = self.vocoder.decode(&utterances)?;
            watch.ends(Work::Vocode, &tags);
            expect_as_many("decoded lines", decoded.len(), lines.len())?;
            for (line, result) in lines.into_iter().zip(decoded) {
                self.finish(line.tag, line.place, result);
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

    fn is_wanted(&self, passage: &Passage) -> bool {
        let line = self.lines.get(&passage.request.tag);
        line.is_some_and(|line| passage.place < line.wanted())
    }

    /// Notes what became of a part, and finishes its line if that is known now.
    fn finish(&mut self, tag: u64, place: usize, result: Result<Samples, LineError>) {
        let Some(line) = self.lines.get_mut(&tag) else { return };
        let has_failed = result.is_err();
        line.take(place, result);
        let (wanted, is_done) = (line.wanted(), line.is_done());
        if has_failed {
            self.forget(tag, wanted);
        }
        if is_done && let Some(line) = self.lines.remove(&tag) {
            self.finished.push(Finished { tag, result: line.join() });
        }
    }

    /// Forgets a line's parts from `place` on, wherever they stand.
    fn forget(&mut self, tag: u64, place: usize) {
        let is_it = |passage: &Passage| passage.request.tag == tag && passage.place >= place;
        self.waiting.retain(|passage| !is_it(passage));
        self.ended.retain(|part| part.tag != tag || part.place < place);
        for slot in 0..self.seated.len() {
            if self.seated[slot].as_ref().is_some_and(|seated| is_it(&seated.passage)) {
                self.unseat(slot);
            }
        }
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

    fn prepare(&mut self, voice: &Voice, language: &str) -> Result<(), EngineError> {
        self.prompt(voice, language).map(drop)
    }

    fn embed(&mut self, samples: &Samples) -> Result<Option<Vec<f32>>, EngineError> {
        self.model.embed(samples)
    }

    fn likeness(
        &mut self,
        voice: &Voice,
        language: &str,
        samples: &Samples,
    ) -> Result<Option<f32>, DeviceError> {
        let compared = self.prompt(voice, language).and_then(|prompt| {
            let Some(own) = self.model.embedding(&prompt)? else { return Ok(None) };
            let heard = self.model.embed(samples)?;
            Ok(heard.and_then(|heard| crate::likeness(&own, &heard)))
        });
        match compared {
            Ok(likeness) => Ok(likeness),
            Err(EngineError::Line(_)) => Ok(None),
            Err(EngineError::Device(error)) => Err(error),
        }
    }

    fn admit(&mut self, request: Request) {
        let tag = request.tag;
        let (passages, line) = if self.model.divides_at_pauses() {
            passages::divide(request)
        } else {
            passages::whole(request)
        };
        self.lines.insert(tag, line);
        self.waiting.extend(passages);
    }

    fn turn(&mut self) -> Result<Vec<Finished>, DeviceError> {
        self.turn_watched(&mut Unwatched)
    }

    fn turn_watched(&mut self, watch: &mut dyn Watch) -> Result<Vec<Finished>, DeviceError> {
        self.seat(watch)?;
        self.advance(watch)?;
        self.decode(watch)?;
        Ok(std::mem::take(&mut self.finished))
    }

    fn cancel(&mut self, tag: u64) {
        self.lines.remove(&tag);
        self.forget(tag, 0);
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
