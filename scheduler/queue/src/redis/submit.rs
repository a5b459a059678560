//! Taking a submission in: its lines are staged in pieces that nobody sees, then published at once.

use std::collections::{BTreeMap, HashMap};

use schemas::{GroupKey, QueuedLine, Submission, Voice, VoiceKey};
use tracing::debug;

use super::answer::unreadable;
use super::function::{SUBMIT_AGAIN, SUBMIT_BEGIN, SUBMIT_LINES, SUBMIT_PUBLISH, SWEEP};
use super::json;
use super::server::Server;
use crate::{Added, NewSubmission, QueueError, check};

/// Lines staged in one call: a millisecond or two of the server's time.
const AT_ONCE: usize = 250;

/// How often staging is begun anew when others interfere: a submission of that name is published or
/// forgotten meanwhile, or the staging was given up on because it took an hour.
const TRIES: usize = 5;

/// Adds a submission, or sets the same going again.
pub(super) async fn submit(server: &Server, new: &NewSubmission) -> Result<Added, QueueError> {
    check::sound(new)?;
    let staged = Staged::of(new);
    for _ in 0..TRIES {
        if let Some(added) = publish(server, new, &staged).await? {
            sweep(server, 4).await;
            return Ok(added);
        }
        if let Some(added) = again(server, new).await? {
            return Ok(added);
        }
    }
    Err(unreadable(&format!("submission {}", new.submission.id)))
}

/// Deletes some of what forgotten submissions left; what is left over is for the next one.
pub(super) async fn sweep(server: &Server, most: usize) {
    for _ in 0..most {
        match server.call(&SWEEP, &[]).await {
            Ok(answer) if answer.is("more") => {}
            Ok(_) => return,
            Err(error) => {
                debug!(%error, "what was forgotten is still to be deleted");
                return;
            }
        }
    }
}

/// What is known of the lines before they are sent.
struct Staged<'a> {
    voices: Vec<StagedVoice<'a>>,
    clusters: Vec<StagedCluster<'a>>,
    /// Of each line, in script order.
    cluster_of: Vec<usize>,
    /// Lines and estimated audio to be spoken, and to be mastered.
    sums: [[u64; 2]; 2],
    audio_ms: u64,
}

struct StagedVoice<'a> {
    key: VoiceKey,
    voice: &'a Voice,
    unspoken: u64,
    held: u64,
    clusters: Vec<String>,
}

struct StagedCluster<'a> {
    voice: usize,
    key: &'a GroupKey,
    /// What a worker has to have.
    engine: String,
    /// To be spoken, and to be mastered.
    ms: [u64; 2],
}

impl<'a> Staged<'a> {
    fn of(new: &'a NewSubmission) -> Self {
        let mut voices: Vec<StagedVoice<'a>> = Vec::new();
        let mut numbers = HashMap::new();
        for voice in &new.submission.voices {
            let key = voice.key();
            if numbers.insert(key.clone(), voices.len()).is_some() {
                numbers.insert(key, voices.len() - 1);
                continue;
            }
            voices.push(StagedVoice { key, voice, unspoken: 0, held: 0, clusters: Vec::new() });
        }
        let mut staged = Self {
            voices,
            clusters: Vec::new(),
            cluster_of: Vec::with_capacity(new.lines.len()),
            sums: [[0; 2]; 2],
            audio_ms: 0,
        };
        let mut clusters = BTreeMap::new();
        for line in &new.lines {
            let voice = numbers.get(&line.job.voice).copied().unwrap_or_default();
            let cluster = *clusters
                .entry(line.group.as_str())
                .or_insert_with(|| staged.add_cluster(line, voice, &new.submission));
            staged.add_line(line, voice, cluster);
        }
        staged
    }

    fn add_cluster(
        &mut self,
        line: &'a QueuedLine,
        voice: usize,
        submission: &Submission,
    ) -> usize {
        let number = self.clusters.len();
        let (key, engine) = (&line.group, submission.needs(&line.job.engine));
        self.clusters.push(StagedCluster { voice, key, engine, ms: [0; 2] });
        self.voices[voice].clusters.push(number.to_string());
        number
    }

    fn add_line(&mut self, line: &QueuedLine, voice: usize, cluster: usize) {
        let stage = stage_of(line);
        let ms = u64::from(line.job.estimated_ms);
        self.sums[stage][0] += 1;
        self.sums[stage][1] += ms;
        self.clusters[cluster].ms[stage] += ms;
        self.cluster_of.push(cluster);
        if stage == 0 {
            self.voices[voice].unspoken += 1;
        } else {
            self.voices[voice].held += 1;
        }
        self.audio_ms += line.take.as_ref().map_or(0, schemas::TakeFacts::duration_ms);
    }
}

/// 0 to be spoken, 1 to be mastered.
fn stage_of(line: &QueuedLine) -> usize {
    usize::from(line.take.is_some())
}

/// Stages and publishes; `None` when a submission of that name is there, or staging is to begin anew.
async fn publish(
    server: &Server,
    new: &NewSubmission,
    staged: &Staged<'_>,
) -> Result<Option<Added>, QueueError> {
    let begin = [
        new.submission.id.to_string(),
        new.lines.len().to_string(),
        staged.voices.len().to_string(),
        staged.clusters.len().to_string(),
    ];
    let answer = server.call(&SUBMIT_BEGIN, &begin).await?;
    if !answer.is("new") {
        return Ok(None);
    }
    let number = answer.text(1)?;
    for (lines, clusters) in new.lines.chunks(AT_ONCE).zip(staged.cluster_of.chunks(AT_ONCE)) {
        let mut args = Vec::with_capacity(1 + lines.len() * 9);
        args.push(number.clone());
        for (line, cluster) in lines.iter().zip(clusters) {
            push_line(&mut args, line, *cluster, staged.clusters[*cluster].voice);
        }
        if !server.call(&SUBMIT_LINES, &args).await?.is("ok") {
            return Ok(None);
        }
    }
    let answer = server.call(&SUBMIT_PUBLISH, &published(number, new, staged)).await?;
    if !answer.is("ok") {
        return Ok(None);
    }
    let lines = new.lines.len() as u64;
    Ok(Some(Added { lines, revived: 0, superseded: answer.number(1)? }))
}

fn push_line(args: &mut Vec<String>, line: &QueuedLine, cluster: usize, voice: usize) {
    args.extend([
        line.order.to_string(),
        line.job.id.to_string(),
        line.job.character.clone(),
        cluster.to_string(),
        voice.to_string(),
        line.job.estimated_ms.to_string(),
        stage_of(line).to_string(),
        line.take.as_ref().map(json).unwrap_or_default(),
        json(&line.job),
    ]);
}

/// What `submit_publish` takes.
fn published(number: String, new: &NewSubmission, staged: &Staged<'_>) -> Vec<String> {
    let submission = &new.submission;
    let mut args = vec![
        number,
        submission.id.to_string(),
        submission.episode.to_string(),
        submission.title.clone(),
        submission.priority.min(9).to_string(),
        submission.max_attempts.to_string(),
        submission.shares.to_string(),
        json(&submission.mastering),
        json(submission),
        new.lines.len().to_string(),
        staged.audio_ms.to_string(),
    ];
    args.extend(staged.sums.iter().flatten().map(u64::to_string));
    args.push(staged.voices.len().to_string());
    for voice in &staged.voices {
        args.extend([
            voice.key.to_string(),
            voice.voice.name.clone(),
            json(voice.voice),
            voice.unspoken.to_string(),
            voice.held.to_string(),
            voice.clusters.join(","),
        ]);
    }
    args.push(staged.clusters.len().to_string());
    for cluster in &staged.clusters {
        args.extend([
            cluster.voice.to_string(),
            cluster.key.to_string(),
            cluster.engine.clone(),
            cluster.ms[0].to_string(),
            cluster.ms[1].to_string(),
        ]);
    }
    args.push(submission.trace.clone().unwrap_or_default());
    args
}

/// Sets the submission of that name going again; `None` when there is none.
async fn again(server: &Server, new: &NewSubmission) -> Result<Option<Added>, QueueError> {
    let answer = server.call(&SUBMIT_AGAIN, &[new.submission.id.to_string()]).await?;
    if !answer.is("ok") {
        return Ok(None);
    }
    Ok(Some(Added { lines: 0, revived: answer.number(1)?, superseded: answer.number(2)? }))
}
