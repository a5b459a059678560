//! What a choice of a take rests on.

use schemas::{LineJob, VoiceKey, hex};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// What script and cast say of a line, as far as a choice of a take rests on it.
///
/// A take that was spoken stays chosen for as long as the same words are to be spoken in the same voice
/// and language; one that a person recorded, for as long as the same words are written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineBasis {
    /// Lower-case hex SHA-256 of the words as written.
    pub written: String,
    /// The same of the words as they are spoken, after the lexicon, and the pauses in them.
    pub spoken: String,
    /// The voice that the cast gives.
    pub voice: VoiceKey,
    /// BCP 47.
    pub language: String,
}

impl LineBasis {
    /// The basis of a line with these words that is planned as `job`.
    #[must_use]
    pub(crate) fn of(written: &str, job: &LineJob) -> Self {
        let mut spoken = Sha256::new();
        spoken.update(job.text.as_bytes());
        for pause in &job.pauses {
            spoken.update([0]);
            spoken.update(pause.at.to_le_bytes());
            spoken.update(pause.ms.to_le_bytes());
        }
        Self {
            written: hex(&Sha256::digest(written)),
            spoken: hex(&spoken.finalize()),
            voice: job.voice.clone(),
            language: job.language.clone(),
        }
    }
}
