//! Whether a submission can be queued at all.

use std::collections::{HashMap, HashSet};

use schemas::VoiceKey;

use crate::{NewSubmission, QueueError};

/// Refuses a submission that contradicts itself; see [`crate::Queue::submit`].
pub(crate) fn sound(new: &NewSubmission) -> Result<(), QueueError> {
    let unsound =
        |what: String| Err(QueueError::Unsound { submission: new.submission.id.to_string(), what });
    let voices: HashSet<VoiceKey> = new.submission.voices.iter().map(schemas::Voice::key).collect();
    let mut ids = HashSet::new();
    let mut groups: HashMap<_, (&VoiceKey, &str)> = HashMap::new();
    for (order, line) in new.lines.iter().enumerate() {
        let id = &line.job.id;
        if u32::try_from(order) != Ok(line.order) {
            return unsound(format!("line {id} is numbered {} but is the {order}th", line.order));
        }
        if !ids.insert(id) {
            return unsound(format!("line {id} is in it twice"));
        }
        if !voices.contains(&line.job.voice) {
            return unsound(format!("the voice of line {id} is not among its voices"));
        }
        let mine = (&line.job.voice, line.job.engine.as_str());
        let first = *groups.entry(&line.group).or_insert(mine);
        if first.0 != mine.0 {
            return unsound(format!("the group of line {id} has two voices"));
        }
        if first.1 != mine.1 {
            return unsound(format!("the group of line {id} has two engines"));
        }
    }
    Ok(())
}
