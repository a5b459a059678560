//! The story of one line: who tried, what went wrong, how long each part took, where its bytes are.

use schemars::JsonSchema;
use schemas::{
    EpisodeId, LineRecord, LineState, Progress, QueueEvent, Stage, SubmissionId, WorkerId,
    delivery_object, master_object, take_facts_object, take_object,
};
use serde::Serialize;

/// All that is known of what happened to a line.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Story {
    /// Of which episode.
    pub episode: EpisodeId,
    /// Of which submission.
    pub submission: SubmissionId,
    /// When that was submitted; Unix milliseconds by the queue's clock, as all times here.
    pub submitted_at_ms: u64,
    /// What the queue knows of the line now.
    pub line: LineRecord,
    /// Name of its voice, as cast.
    pub voice: String,
    /// Every time that a worker took it, oldest first.
    pub tries: Vec<Try>,
    /// Where its time went.
    pub spent: Spent,
    /// What of it is in the store.
    pub objects: Vec<Object>,
    /// Whether the queue still has all of it: of a line that much happened to, it keeps the last events.
    pub is_whole: bool,
    /// What happened, oldest first; what concerns the whole submission has no line.
    pub events: Vec<QueueEvent>,
}

/// One time that a worker took a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Try {
    /// To do what.
    pub stage: Stage,
    /// Who.
    pub worker: Option<WorkerId>,
    /// When it was handed the line.
    pub claimed_at_ms: u64,
    /// When it began with it; absent when it never did, e.g. because the take was in the store already.
    pub started_at_ms: Option<u64>,
    /// When it was through with it; absent while it has it.
    pub ended_at_ms: Option<u64>,
    /// How that ended, as [`QueueEvent::what`]: `spoken`, `mastered`, `retrying`, `failed`, `expired`,
    /// `released` or `cancelled`; absent while it has it.
    pub ended: Option<String>,
    /// What went wrong.
    pub why: Option<String>,
}

/// Where the time of a line went, in milliseconds, from when it was submitted (or the first that is
/// remembered) until the last that happened to it. The sum of all is that whole time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Spent {
    /// Waited for a worker to speak it, back-offs included.
    pub waited_ms: u64,
    /// In the hands of a worker that was busy with other lines of the batch.
    pub in_hand_ms: u64,
    /// Was spoken, until its take was in the store.
    pub spoke_ms: u64,
    /// Waited for the other lines of its voice to be spoken: they share one gain.
    pub waited_for_voice_ms: u64,
    /// Waited for a worker to master it, back-offs included.
    pub waited_to_be_mastered_ms: u64,
    /// Was mastered, until its delivery was in the store.
    pub mastered_ms: u64,
    /// With workers that did not finish it.
    pub lost_ms: u64,
    /// Failed or cancelled, until somebody set it going again.
    pub stopped_ms: u64,
}

/// Something that the store has of a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Object {
    /// `take`, `take facts`, `master` or `delivery`.
    pub kind: &'static str,
    /// Its key in the store.
    pub key: String,
    /// Its length; absent where the queue does not know it.
    pub bytes: Option<u64>,
}

/// What a line is doing between two events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Waiting(Stage),
    WaitingForVoice,
    InHand,
    Working,
    Stopped,
}

/// Tells the story of a line from what a queue remembers of it.
#[must_use]
pub fn tell(
    progress: &Progress,
    line: LineRecord,
    voice: String,
    events: Vec<QueueEvent>,
) -> Story {
    Story {
        episode: progress.episode.clone(),
        submission: progress.submission.clone(),
        submitted_at_ms: progress.submitted_at_ms,
        voice,
        tries: tries(&events),
        spent: spent(&line, &events),
        objects: objects(&line),
        is_whole: events.first().is_some_and(|event| event.what == "submitted")
            && events.iter().filter(|event| event.line.is_some()).count() < 60,
        line,
        events,
    }
}

fn tries(events: &[QueueEvent]) -> Vec<Try> {
    let mut tries: Vec<Try> = Vec::new();
    for event in events.iter().filter(|event| event.line.is_some()) {
        if event.what == "claimed" {
            tries.push(Try {
                stage: event.stage.unwrap_or(Stage::Speak),
                worker: event.worker.clone(),
                claimed_at_ms: event.at_ms,
                started_at_ms: None,
                ended_at_ms: None,
                ended: None,
                why: None,
            });
            continue;
        }
        let Some(last) = tries.last_mut().filter(|last| last.ended.is_none()) else { continue };
        if event.what == "started" {
            last.started_at_ms = Some(event.at_ms);
        } else {
            last.ended_at_ms = Some(event.at_ms);
            last.ended = Some(event.what.clone());
            last.why.clone_from(&event.detail);
        }
    }
    tries
}

fn spent(line: &LineRecord, events: &[QueueEvent]) -> Spent {
    let mut spent = Spent::default();
    let was_spoken_here = events.iter().any(|event| event.what == "spoken");
    let mut phase = match line.take {
        // It came with a take of an earlier submission.
        Some(_) if !was_spoken_here => Phase::WaitingForVoice,
        Some(_) | None => Phase::Waiting(Stage::Speak),
    };
    let mut since_ms = events.first().map_or(0, |event| event.at_ms);
    for event in events {
        let next = next(phase, event);
        if next != phase {
            *part(&mut spent, phase, &event.what) += event.at_ms.saturating_sub(since_ms);
            (phase, since_ms) = (next, event.at_ms);
        }
    }
    if let Some(last) = events.last() {
        *part(&mut spent, phase, &last.what) += last.at_ms.saturating_sub(since_ms);
    }
    spent
}

/// What a line does after an event.
fn next(phase: Phase, event: &QueueEvent) -> Phase {
    let stage = event.stage.unwrap_or(Stage::Speak);
    match event.what.as_str() {
        "claimed" => Phase::InHand,
        "started" => Phase::Working,
        "spoken" => Phase::WaitingForVoice,
        "voice complete" if phase == Phase::WaitingForVoice => Phase::Waiting(Stage::Master),
        "retrying" | "expired" | "released" => Phase::Waiting(stage),
        "mastered" | "failed" | "cancelled" => Phase::Stopped,
        "retried" if event.state == Some(LineState::Held) => Phase::WaitingForVoice,
        "retried" => Phase::Waiting(stage),
        // Of the whole submission, or of a newer program: no move of this line.
        _ => phase,
    }
}

/// Which part the time in a phase belongs to, by what ended it.
fn part<'a>(spent: &'a mut Spent, phase: Phase, by: &str) -> &'a mut u64 {
    match (phase, by) {
        (Phase::Waiting(Stage::Speak), _) => &mut spent.waited_ms,
        (Phase::Waiting(Stage::Master), _) => &mut spent.waited_to_be_mastered_ms,
        (Phase::WaitingForVoice, _) => &mut spent.waited_for_voice_ms,
        (Phase::Stopped, _) => &mut spent.stopped_ms,
        (Phase::InHand, "started" | "spoken" | "mastered") => &mut spent.in_hand_ms,
        (Phase::Working, "spoken") => &mut spent.spoke_ms,
        (Phase::Working, "mastered") => &mut spent.mastered_ms,
        (Phase::InHand | Phase::Working, _) => &mut spent.lost_ms,
    }
}

fn objects(line: &LineRecord) -> Vec<Object> {
    let mut objects = Vec::new();
    if let Some(take) = &line.take {
        let key = &take.synth_key;
        objects.push(Object { kind: "take", key: take_object(key), bytes: Some(take.bytes) });
        objects.push(Object { kind: "take facts", key: take_facts_object(key), bytes: None });
    }
    if let Some(delivery) = &line.delivery {
        let key = &delivery.master_key;
        let (master, bytes) = (master_object(key), delivery.delivery_bytes);
        let master_bytes = Some(delivery.master_bytes);
        objects.push(Object { kind: "master", key: master, bytes: master_bytes });
        let delivery = delivery_object(key);
        objects.push(Object { kind: "delivery", key: delivery, bytes: Some(bytes) });
    }
    objects
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Events of a line that comes to be mastered with the first `spoken`, at some ms.
    fn events(told: &[(u64, &str, &str)]) -> Vec<QueueEvent> {
        let mut stage = Stage::Speak;
        let numbered = (1..).zip(told);
        numbered
            .map(|(number, (at_ms, what, worker))| {
                let is_of_all =
                    matches!(*what, "submitted" | "voice complete" | "paused" | "resumed");
                if *what == "spoken" {
                    stage = Stage::Master;
                }
                let stands =
                    if stage == Stage::Speak { LineState::Waiting } else { LineState::Held };
                QueueEvent {
                    number,
                    at_ms: *at_ms,
                    submission: SubmissionId::parse("ferry-1").unwrap(),
                    line: (!is_of_all).then(|| schemas::LineId::new(1, 1)),
                    stage: (!is_of_all).then_some(stage),
                    state: (!is_of_all).then_some(stands),
                    worker: WorkerId::parse(*worker).ok(),
                    what: (*what).to_owned(),
                    detail: (*what == "retrying").then(|| "too hot".to_owned()),
                }
            })
            .collect()
    }

    fn line(has_take: bool) -> LineRecord {
        let take = serde_json::json!({
            "synth_key": "a".repeat(64), "samples": 24_000, "rate_hz": 24_000, "lufs": null,
            "peak_dbfs": -3.0, "bytes": 96_044, "engine": "scratch/1", "worker": "a", "synth_ms": 5
        });
        serde_json::from_value(serde_json::json!({
            "order": 0, "stage": "master", "state": "held", "attempts": 0, "worker": "a",
            "take": has_take.then_some(take), "delivery": null, "failure": null, "changed_at_ms": 0,
            "job": {
                "id": "sc001-l0001", "scene": "INT. FERRY", "character": "NORA", "text": "Who?",
                "pauses": [], "language": "en", "voice": "b".repeat(64), "seed": 1,
                "synth_key": "a".repeat(64), "gain_db": 0.0, "estimated_ms": 400
            }
        }))
        .unwrap()
    }

    #[test]
    fn every_moment_of_a_line_is_told_as_spent_on_something() {
        let events = events(&[
            (1_000, "submitted", ""),
            (1_010, "claimed", "a"),
            (1_015, "paused", ""),
            (1_020, "started", "a"),
            (1_050, "retrying", "a"),
            (2_100, "claimed", "b"),
            (2_101, "released", "b"),
            (2_111, "claimed", "c"),
            (2_131, "started", "c"),
            (2_531, "spoken", "c"),
            (2_600, "voice complete", ""),
            (2_604, "claimed", "a"),
            (2_605, "started", "a"),
            (2_705, "mastered", "a"),
        ]);
        let expected = Spent {
            waited_ms: 10 + 1_050 + 10,
            in_hand_ms: 10 + 20 + 1,
            spoke_ms: 400,
            waited_for_voice_ms: 69,
            waited_to_be_mastered_ms: 4,
            mastered_ms: 100,
            lost_ms: 30 + 1,
            stopped_ms: 0,
        };
        let spent = spent(&line(true), &events);
        assert_eq!(spent, expected);
        let tries = tries(&events);
        let ended: Vec<_> = tries.iter().map(|one| one.ended.as_deref().unwrap()).collect();
        assert_eq!(ended, ["retrying", "released", "spoken", "mastered"]);
        assert_eq!(tries[0].why.as_deref(), Some("too hot"));
        assert_eq!((tries[1].started_at_ms, tries[1].ended_at_ms), (None, Some(2_101)));
    }

    #[test]
    fn a_line_that_is_still_with_a_worker_or_came_with_its_take_is_told_as_that() {
        let open = events(&[(5, "submitted", ""), (9, "claimed", "a")]);
        let told = tries(&open);
        assert_eq!((told[0].ended_at_ms, told[0].ended.as_ref()), (None, None));
        assert_eq!(spent(&line(false), &open), Spent { waited_ms: 4, ..Spent::default() });
        let mut reused = events(&[(5, "submitted", ""), (25, "voice complete", "")]);
        assert_eq!(spent(&line(true), &reused).waited_for_voice_ms, 20);
        reused.truncate(1);
        assert_eq!(spent(&line(true), &reused), Spent::default());
        assert_eq!(spent(&line(false), &[]), Spent::default());
    }

    #[test]
    fn time_between_giving_up_and_trying_again_is_nobodys() {
        let events = events(&[
            (0, "submitted", ""),
            (10, "claimed", "a"),
            (20, "failed", "a"),
            (500, "retried", ""),
            (505, "claimed", "a"),
        ]);
        let spent = spent(&line(false), &events);
        assert_eq!((spent.lost_ms, spent.stopped_ms, spent.waited_ms), (10, 480, 15));
    }
}
