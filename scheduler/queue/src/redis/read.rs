//! From answers to what the contract tells.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap};

use schemas::{
    Batch, Counts, LeasedLine, LineRecord, LineState, Progress, QueueEvent, Stage, SubmissionState,
};

use super::answer::{Answer, name, number, parse, parse_some, some, stage, state, unreadable};
use crate::counts::{Flags, counter, state_of};
use crate::workers::with_open;
use crate::{QueueError, WorkerCard, WorkerHour};

/// A submission's counters by stage and state. `Held` lines are counted as waiting to be mastered.
const PLACES: [(Stage, LineState, &str); 12] = [
    (Stage::Speak, LineState::Waiting, "00"),
    (Stage::Speak, LineState::Leased, "01"),
    (Stage::Speak, LineState::Delayed, "02"),
    (Stage::Speak, LineState::Done, "04"),
    (Stage::Speak, LineState::Failed, "05"),
    (Stage::Speak, LineState::Cancelled, "06"),
    (Stage::Master, LineState::Waiting, "10"),
    (Stage::Master, LineState::Leased, "11"),
    (Stage::Master, LineState::Delayed, "12"),
    (Stage::Master, LineState::Done, "14"),
    (Stage::Master, LineState::Failed, "15"),
    (Stage::Master, LineState::Cancelled, "16"),
];

/// Reads a batch.
pub(super) fn batch(answer: &Answer, lease: &str) -> Result<Batch, QueueError> {
    let what = "a batch";
    let stage = stage(&answer.text(5)?)?;
    let mut lines = Vec::new();
    for line in answer.words(10)?.chunks(3) {
        let [attempts, job, take] = line else { return Err(unreadable(what)) };
        lines.push(LeasedLine {
            attempts: small(attempts)?,
            job: parse(what, job)?,
            take: parse_some(what, take)?,
        });
    }
    Ok(Batch {
        lease: name(what, lease)?,
        expires_at_ms: answer.number(1)?,
        submission: name(what, &answer.text(2)?)?,
        episode: name(what, &answer.text(3)?)?,
        title: answer.text(4)?,
        stage,
        group: name(what, &answer.text(6)?)?,
        voice: parse(what, &answer.text(7)?)?,
        mastering: parse(what, &answer.text(8)?)?,
        trace: some(&answer.text(9)?).map(str::to_owned),
        lines,
    })
}

/// Reads how far submissions are, the one of the newest turn first.
pub(super) fn progress(answer: &Answer) -> Result<Vec<Progress>, QueueError> {
    let mut all = Vec::new();
    for fields in answer.lists(2)? {
        let fields = fields.chunks(2).filter_map(|pair| Some((pair.first()?, pair.get(1)?)));
        let fields: HashMap<_, _> =
            fields.map(|(key, value)| (key.as_str(), value.as_str())).collect();
        all.push((counted(&fields, "turn")?, header(&fields)?));
    }
    all.sort_by_key(|(turn, _)| std::cmp::Reverse(*turn));
    Ok(all.into_iter().map(|(_, progress)| progress).collect())
}

/// The count in a field; 0 when there is none.
fn counted(fields: &HashMap<&str, &str>, field: &str) -> Result<u64, QueueError> {
    fields.get(field).map_or(Ok(0), |text| number(text))
}

fn header(fields: &HashMap<&str, &str>) -> Result<Progress, QueueError> {
    let text = |field: &str| {
        let what = || unreadable(&format!("field {field} of a submission"));
        fields.get(field).copied().ok_or_else(what)
    };
    let what = format!("submission {}", text("id")?);
    let mut progress = Progress {
        submission: name(&what, text("id")?)?,
        episode: name(&what, text("episode")?)?,
        title: text("title")?.to_owned(),
        state: SubmissionState::Active,
        priority: small(text("priority")?)?,
        lines: Counts::default(),
        estimated_ms: 0,
        estimated_open_ms: 0,
        audio_ms: counted(fields, "audio")?,
        synth_ms: counted(fields, "synth")?,
        submitted_at_ms: counted(fields, "submitted")?,
        changed_at_ms: counted(fields, "changed")?,
    };
    for (stage, state, place) in PLACES {
        let lines = counted(fields, &format!("n{place}"))?;
        let estimated_ms = counted(fields, &format!("m{place}"))?;
        progress.estimated_ms += estimated_ms;
        if stage == Stage::Speak && !state.is_final() {
            progress.estimated_open_ms += estimated_ms;
        }
        *counter(&mut progress.lines, stage, state) += lines;
    }
    let is = |field: &str| fields.get(field) == Some(&"1");
    let flags = Flags { is_paused: is("paused"), is_cancelled: is("cancelled") };
    progress.state = state_of(&progress.lines, flags);
    Ok(progress)
}

/// Reads lines.
pub(super) fn records(answer: &Answer) -> Result<Vec<LineRecord>, QueueError> {
    answer.lists(2)?.iter().map(|fields| record(fields)).collect()
}

fn record(fields: &[String]) -> Result<LineRecord, QueueError> {
    let [place, job, stage_word, state_word, attempts, worker, take, delivery, failure, at] =
        fields
    else {
        return Err(unreadable("a line"));
    };
    let what = format!("line {place}");
    Ok(LineRecord {
        order: small(place)?,
        job: parse(&what, job)?,
        stage: stage(stage_word)?,
        state: state(state_word)?,
        attempts: small(attempts)?,
        worker: some(worker).map(|worker| name(&what, worker)).transpose()?,
        take: parse_some(&what, take)?,
        delivery: parse_some(&what, delivery)?,
        failure: parse_some(&what, failure)?,
        changed_at_ms: number(at)?,
    })
}

/// Reads events.
pub(super) fn events(answer: &Answer) -> Result<Vec<QueueEvent>, QueueError> {
    answer.lists(1)?.iter().map(|fields| event(fields)).collect()
}

fn event(fields: &[String]) -> Result<QueueEvent, QueueError> {
    let [counted, at, submission, line, stage_word, state_word, worker, what, detail] = fields
    else {
        return Err(unreadable("an event"));
    };
    let of = format!("event {counted}");
    Ok(QueueEvent {
        number: number(counted)?,
        at_ms: number(at)?,
        submission: name(&of, submission)?,
        line: some(line).map(|line| name(&of, line)).transpose()?,
        stage: some(stage_word).map(stage).transpose()?,
        state: some(state_word).map(state).transpose()?,
        worker: some(worker).map(|worker| name(&of, worker)).transpose()?,
        what: what.clone(),
        detail: some(detail).map(str::to_owned),
    })
}

/// Reads workers, by name.
pub(super) fn workers(answer: &Answer) -> Result<Vec<WorkerCard>, QueueError> {
    let mut cards = Vec::new();
    for fields in answer.lists(1)? {
        let [worker, seen, held, report, drain] = &fields[..] else {
            return Err(unreadable("a worker"));
        };
        let what = format!("worker {worker}");
        cards.push(WorkerCard {
            worker: name(&what, worker)?,
            seen_at_ms: number(seen)?,
            lines_held: number(held)?,
            report: parse_some(&what, report)?,
            is_ordered_to_drain: drain == "1",
        });
    }
    cards.sort_by(|a, b| a.worker.cmp(&b.worker));
    Ok(cards)
}

/// Reads what workers did by the hour.
pub(super) fn worked(answer: &Answer, since_ms: u64) -> Result<Vec<WorkerHour>, QueueError> {
    let what = "what workers did";
    let mut lists = answer.lists(2)?.into_iter();
    let mut open = Vec::new();
    for pair in lists.next().unwrap_or_default().chunks(2) {
        let [worker, since] = pair else { return Err(unreadable(what)) };
        open.push((name(what, worker)?, number(since)?));
    }
    let mut told = Vec::new();
    for fields in lists {
        let Some((hour, counts)) = fields.split_first() else { return Err(unreadable(what)) };
        told.extend(hour_of(number(hour)?, counts)?);
    }
    Ok(with_open(told, open, since_ms, answer.number(1)?))
}

fn hour_of(hour_ms: u64, counts: &[String]) -> Result<Vec<WorkerHour>, QueueError> {
    let mut hours = BTreeMap::new();
    for pair in counts.chunks(2) {
        let [field, count] = pair else { return Err(unreadable("what workers did")) };
        let (kind, worker) = field.split_once('|').ok_or_else(|| unreadable(field))?;
        let hour = match hours.entry(worker) {
            Entry::Occupied(there) => there.into_mut(),
            Entry::Vacant(new) => {
                new.insert(WorkerHour::new(hour_ms, name("a worker of old", worker)?))
            }
        };
        let counted = match kind {
            "busy" => &mut hour.busy_ms,
            "spoken" => &mut hour.spoken,
            "audio" => &mut hour.audio_ms,
            "mastered" => &mut hour.mastered,
            "failed" => &mut hour.failed,
            _ => return Err(unreadable(field)),
        };
        *counted += number(count)?;
    }
    Ok(hours.into_values().collect())
}

/// Reads a number that fits.
fn small<T: TryFrom<u64>>(text: &str) -> Result<T, QueueError> {
    T::try_from(number(text)?).map_err(|_| unreadable(&format!("number `{text}`")))
}
