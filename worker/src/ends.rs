//! What is told of batches and lines while they are rendered: spans, and how each line ended.

use std::time::SystemTime;

use schemas::{Batch, Failure, FailureKind, LeasedLine, Outcome, Stage, Verdict, WorkerId};
use telemetry::metrics::{AUDIO_RENDERED, LINES};
use telemetry::trace::{Span, fail_now, key, tell_now};

/// The rendering of a batch, in the trace of its submission.
pub(crate) fn span_of_batch(batch: &Batch, worker: &WorkerId) -> Span {
    let span = Span::carried_on(batch.trace.as_deref(), "batch", SystemTime::now());
    tell_lease(&span, batch, worker);
    span.tell(key::LINES, i64::try_from(batch.lines.len()).unwrap_or(i64::MAX));
    span
}

/// One try at a line, in the trace of its submission, linked to the batch that the code that calls
/// renders.
pub(crate) fn span_of_line(batch: &Batch, line: &LeasedLine, worker: &WorkerId) -> Span {
    let span = Span::carried_on(batch.trace.as_deref(), "line", SystemTime::now());
    span.link_to_now();
    tell_lease(&span, batch, worker);
    span.tell(key::LINE, line.job.id.to_string());
    span.tell(key::ATTEMPT, i64::from(line.attempts) + 1);
    span
}

fn tell_lease(span: &Span, batch: &Batch, worker: &WorkerId) {
    span.tell(key::SUBMISSION, batch.submission.to_string());
    span.tell(key::LEASE, batch.lease.to_string());
    span.tell(key::WORKER, worker.to_string());
    span.tell(key::STAGE, stage_word(batch.stage));
    span.tell(key::VOICE, batch.voice.key().to_string());
    if let Some(line) = batch.lines.first() {
        span.tell(key::ENGINE, line.job.engine.clone());
    }
}

/// How a line ended without a report that was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unreported {
    /// Its audio was thrown away: it was cancelled, or its lease had ended.
    ThrownAway,
    /// It goes back as it came.
    GivenBack,
}

/// Notes that nothing was reported of a line.
pub(crate) fn note_unreported(stage: Stage, end: Unreported) {
    let word = match end {
        Unreported::ThrownAway => "thrown_away",
        Unreported::GivenBack => "given_back",
    };
    LINES.count([stage_word(stage), word, "none"]);
    tell_now(key::OUTCOME, word);
}

/// Notes what was reported of a line, and taken.
pub(crate) fn note_outcome(batch: &Batch, line: &LeasedLine, outcome: &Outcome, is_reused: bool) {
    let (word, reason) = match outcome {
        Outcome::Spoken { .. } if is_reused => ("reused", "none"),
        Outcome::Spoken { take } => {
            #[expect(clippy::cast_precision_loss, reason = "no take lasts for 2^52 milliseconds")]
            AUDIO_RENDERED.add(take.duration_ms() as f64 / 1e3, [line.job.engine.as_str()]);
            ("done", "none")
        }
        Outcome::Mastered { .. } => ("done", "none"),
        Outcome::Failed { failure: Failure { verdict, kind, .. } } => {
            (verdict_word(*verdict), kind_word(*kind))
        }
    };
    LINES.count([stage_word(batch.stage), word, reason]);
    tell_now(key::OUTCOME, word);
    if reason != "none" {
        fail_now(reason);
    }
}

fn stage_word(stage: Stage) -> &'static str {
    match stage {
        Stage::Speak => "speak",
        Stage::Master => "master",
    }
}

fn verdict_word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Retry => "retry",
        Verdict::Reject => "reject",
        Verdict::Quit => "quit",
    }
}

fn kind_word(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::Text => "text",
        FailureKind::Voice => "voice",
        FailureKind::Device => "device",
        FailureKind::Audio => "audio",
        FailureKind::Store => "store",
        FailureKind::Crash => "crash",
    }
}
