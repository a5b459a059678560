//! The manifest: what became of every line, from what the queue knows.

use schemas::{
    Edits, LineOutcome, LineRecord, LineState, Manifest, ManifestLine, ManifestVoice, Submission,
    Totals,
};

use super::files::delivery_file;

/// Version of the manifest's layout.
const VERSION: u32 = 1;

/// Says what a submission became, in script order. Pure: the same records give the same manifest.
#[must_use]
pub fn manifest(submission: &Submission, records: &[LineRecord], edits: Option<Edits>) -> Manifest {
    let lines: Vec<_> = records.iter().map(manifest_line).collect();
    Manifest {
        version: VERSION,
        episode: submission.episode.clone(),
        submission: submission.id.clone(),
        title: submission.title.clone(),
        mastering: submission.mastering.clone(),
        voices: submission
            .voices
            .iter()
            .map(|voice| ManifestVoice { key: voice.key(), voice: voice.clone() })
            .collect(),
        totals: totals(&lines),
        edits,
        lines,
    }
}

fn manifest_line(record: &LineRecord) -> ManifestLine {
    let job = &record.job;
    let outcome = outcome(record);
    let is_delivered = matches!(outcome, LineOutcome::Delivered { .. });
    ManifestLine {
        id: job.id.clone(),
        scene: job.scene.clone(),
        scene_number: job.scene_number,
        is_with_previous: job.is_with_previous,
        estimated_ms: job.estimated_ms,
        character: job.character.clone(),
        text: job.text.clone(),
        language: job.language.clone(),
        voice: job.voice.clone(),
        file: is_delivered.then(|| delivery_file(record.order, job)),
        is_approved: false,
        chosen: None,
        outcome,
    }
}

fn outcome(record: &LineRecord) -> LineOutcome {
    match (record.state, &record.take, &record.delivery, &record.failure) {
        (LineState::Done, Some(take), Some(delivery), _) => LineOutcome::Delivered {
            take: take.clone(),
            delivery: delivery.clone(),
            attempts: record.attempts,
        },
        (LineState::Failed, _, _, Some(failure)) => {
            LineOutcome::Failed { failure: failure.clone(), attempts: record.attempts }
        }
        (state, ..) => LineOutcome::Pending { state },
    }
}

fn totals(lines: &[ManifestLine]) -> Totals {
    let mut totals = Totals { lines: lines.len() as u64, ..Totals::default() };
    for line in lines {
        match &line.outcome {
            LineOutcome::Delivered { take, delivery, .. } => {
                totals.delivered += 1;
                totals.audio_ms += delivery.duration_ms();
                totals.synth_ms += take.synth_ms;
                totals.drifted += u64::from(take.has_drifted());
                totals.master_ms += delivery.master_ms;
            }
            LineOutcome::Failed { .. } => totals.failed += 1,
            LineOutcome::Pending { .. } => totals.pending += 1,
        }
    }
    totals
}
