//! Candidates as a submission: one line each, the same words, all in one group.

use ::voices::{Profile, VoiceName};
use engine::scratch::palette;
use queue::NewSubmission;
use schemas::{
    EpisodeId, GroupKey, LineId, LineJob, Mastering, QueuedLine, ScratchSynthesiser, Submission,
    SubmissionId, SynthInputs, Voice, VoiceSource,
};
use sha2::{Digest as _, Sha256};

use super::Draft;
use crate::cast::SCRATCH_MODEL;

/// Who is asked for, and what they are to say.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// The model that speaks.
    pub model: String,
    /// Name and version of the engine that speaks for it.
    pub engine: String,
    /// Who is asked for, side by side.
    pub profile: Profile,
    /// The description that the model is given.
    pub description: String,
    /// What is said.
    pub text: String,
    /// In which language, BCP 47.
    pub language: String,
    /// How many candidates; at least 1.
    pub candidates: u32,
    /// Of the first candidate of the draft; each has the next.
    pub seed: u64,
    /// Higher goes first; 0 to 9.
    pub priority: u8,
}

/// One candidate that is to be heard.
#[derive(Debug, Clone, PartialEq)]
pub struct Casting {
    /// Its number in the draft.
    pub number: u32,
    /// The line that it speaks.
    pub line: LineId,
    /// What the model is given.
    pub source: VoiceSource,
    /// Of the sampler.
    pub seed: u64,
}

/// The episode under which a voice's candidates stand in the queue.
#[must_use]
pub fn episode(name: &VoiceName) -> EpisodeId {
    EpisodeId::from_title(&format!("voice {name}"))
}

/// Makes the submission in which new candidates of a draft are spoken. Pure: the same draft and call give
/// the same.
///
/// A model that designs gets the same description and another seed for each, so that all are one batch;
/// the scratch engine, which has no chance in it, another timbre for each.
#[must_use]
pub fn candidates(draft: &Draft, call: &Call) -> (NewSubmission, Vec<Casting>) {
    let first = draft.next_number();
    let castings: Vec<Casting> = (first..first + call.candidates.max(1))
        .map(|number| casting(draft, call, number))
        .collect();
    let mut voices: Vec<Voice> = Vec::new();
    let mut lines = Vec::new();
    for (order, casting) in (0..).zip(&castings) {
        let voice = voice(draft, call, casting);
        lines.push(line(draft, call, casting, &voice, order));
        if voices.iter().all(|other| other.key() != voice.key()) {
            voices.push(voice);
        }
    }
    voices.sort_by_key(Voice::key);
    let episode = episode(&draft.name);
    let submission = Submission {
        id: SubmissionId::new(&episode, &hash(&lines)),
        episode,
        title: format!("Voice {}", draft.name),
        priority: call.priority.min(9),
        max_attempts: 2,
        mastering: Mastering::default(),
        shares: 1,
        tag: None,
        voices,
        trace: None,
    };
    (NewSubmission { submission, lines }, castings)
}

fn casting(draft: &Draft, call: &Call, number: u32) -> Casting {
    let seed = call.seed.wrapping_add(u64::from(number) - 1);
    let source = if call.model == SCRATCH_MODEL {
        scratch(draft, number)
    } else {
        VoiceSource::Design { describe: call.description.clone() }
    };
    let line = LineId::parse(format!("candidate-{number}")).expect("plain letters and digits");
    Casting { number, line, source, seed }
}

/// The timbre that a character would be given who comes as the `number`-th of that name.
fn scratch(draft: &Draft, number: u32) -> VoiceSource {
    let mut taken = Vec::new();
    let mut timbre = palette(draft.name.as_str(), &taken);
    for _ in 1..number {
        taken.push(timbre.0);
        timbre = palette(draft.name.as_str(), &taken);
    }
    let engine::scratch::ScratchTimbre { pitch, formant, rate } = timbre.1;
    let synthesiser = ScratchSynthesiser::Pico;
    VoiceSource::Scratch { synthesiser, base: None, pitch, formant, rate }
}

fn voice(draft: &Draft, call: &Call, casting: &Casting) -> Voice {
    let (name, model) = (draft.name.to_string(), call.model.clone());
    Voice { name, model, source: casting.source.clone() }
}

fn line(draft: &Draft, call: &Call, casting: &Casting, voice: &Voice, order: u32) -> QueuedLine {
    let synth_key = SynthInputs {
        text: &call.text,
        pauses: &[],
        model: &voice.model,
        source: &voice.source,
        language: &call.language,
        engine: &call.engine,
        seed: casting.seed,
    }
    .key();
    let job = LineJob {
        id: casting.line.clone(),
        scene: "Audition".to_owned(),
        scene_number: 1,
        is_with_previous: false,
        character: draft.name.to_string(),
        text: call.text.clone(),
        pauses: Vec::new(),
        language: call.language.clone(),
        voice: voice.key(),
        seed: casting.seed,
        engine: call.engine.clone(),
        synth_key,
        gain_db: 0.0,
        estimated_ms: engine::estimate_ms(&call.text, &call.language, 1.0),
    };
    QueuedLine { order, group: GroupKey::new(voice, &call.language), job, take: None }
}

fn hash(lines: &[QueuedLine]) -> String {
    let mut hasher = Sha256::new();
    for line in lines {
        hasher.update(line.job.id.as_str());
        hasher.update(line.job.synth_key.as_str());
    }
    schemas::hex(&hasher.finalize())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn call(model: &str) -> Call {
        Call {
            model: model.to_owned(),
            engine: format!("{model}/1"),
            profile: Profile::default(),
            description: "Low and close.".to_owned(),
            text: "Who is there?".to_owned(),
            language: "en".to_owned(),
            candidates: 3,
            seed: 40,
            priority: 5,
        }
    }

    fn draft() -> Draft {
        Draft::new(VoiceName::parse("mira").unwrap())
    }

    #[test]
    fn candidates_of_a_model_are_one_group_and_differ_by_their_seed_alone() {
        let (new, castings) = candidates(&draft(), &call("qwen3-tts-12hz-1.7b-voicedesign"));
        let groups: BTreeSet<_> = new.lines.iter().map(|line| line.group.clone()).collect();
        assert_eq!((groups.len(), new.submission.voices.len()), (1, 1));
        let seeds: Vec<_> = castings.iter().map(|casting| casting.seed).collect();
        assert_eq!(seeds, [40, 41, 42]);
        let takes: BTreeSet<_> = new.lines.iter().map(|line| &line.job.synth_key).collect();
        assert_eq!(takes.len(), 3);
        assert_eq!(candidates(&draft(), &call("qwen3-tts-12hz-1.7b-voicedesign")).0, new);
    }

    #[test]
    fn scratch_candidates_each_have_a_timbre_of_their_own() {
        let (new, castings) = candidates(&draft(), &call(SCRATCH_MODEL));
        assert_eq!(new.submission.voices.len(), 3);
        assert!(castings.windows(2).all(|two| two[0].source != two[1].source));
    }

    #[test]
    fn asked_again_the_candidates_go_on_where_they_ended() {
        let again = Call { candidates: 5, ..call(SCRATCH_MODEL) };
        let (_, all) = candidates(&draft(), &again);
        assert_eq!(all[..3], candidates(&draft(), &call(SCRATCH_MODEL)).1);
        assert_eq!(all.iter().map(|casting| casting.number).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
    }
}
