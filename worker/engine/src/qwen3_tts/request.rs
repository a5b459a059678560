//! A line as this model takes it: more can be said here than a [`Request`](crate::Request) does.

use std::sync::Arc;

use super::config::GenerationConfig;
use super::prompt::Layout;
use super::sampling::{Sampling, Warp};
use crate::LineError;

/// A line to be spoken.
#[derive(Debug, Clone, PartialEq)]
pub struct LineRequest {
    /// What is said. UTF-8. What reads like one of the model's markers is left out.
    pub text: String,
    /// Who says it, in which language.
    pub voice: VoiceRequest,
    /// How codes are chosen.
    pub choosing: Choosing,
    /// Seeds the line's own generator.
    pub seed: u64,
}

/// All that lines can share: what is equal here is made ready once.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct VoiceRequest {
    /// Who speaks.
    pub who: Who,
    /// How it is said, or what the voice is like; none if empty. Base models take none.
    pub instruct: Option<String>,
    /// BCP 47 or the model's own name; empty or `auto` leaves it to the model.
    pub language: String,
    /// Where the text stands; the reference's choice for the model when `None`.
    pub layout: Option<Layout>,
}

/// Who speaks.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Who {
    /// Whom the instruction describes, or nobody in particular.
    Described,
    /// A speaker that the model was trained with, in any case.
    Named(String),
    /// Who speaks in a recording.
    Recorded {
        /// What [`Recordings`](super::Recordings) is asked for.
        recording: String,
        /// What is said in it; without it only the timbre is cloned.
        transcript: Option<String>,
    },
    /// The same, heard before: the bytes of a [`ClonePrompt`](super::voice::ClonePrompt).
    Kept(Arc<[u8]>),
}

/// How a line's codes are chosen; what is `None` is as the release says.
///
/// All but `is_greedy` are of the first code of each frame; the others are drawn as the release
/// says.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Choosing {
    /// Takes the likeliest of all codes instead of drawing.
    pub is_greedy: bool,
    /// Divides logits; finite and above 0.
    pub temperature: Option<f64>,
    /// How many of the likeliest may be drawn; 0 is all.
    pub top_k: Option<usize>,
    /// How much probability they make up; above 0, 1 is all.
    pub top_p: Option<f64>,
    /// Weakens codes that the line already has; finite and above 0, 1 is not at all.
    pub repetition_penalty: Option<f64>,
    /// Ids that a line may have, at least 1: one that reaches it is kept, with one frame less. When
    /// `None` the text's length decides, and a line that reaches that is lost.
    pub max_new_tokens: Option<usize>,
}

impl Choosing {
    /// What it comes to in a release.
    ///
    /// # Errors
    /// [`LineError::Text`] on a number that is out of range.
    pub(crate) fn sampling(
        &self,
        release: &GenerationConfig,
        most_frames: u32,
    ) -> Result<Sampling, LineError> {
        let usual = Sampling::from(release);
        let positive = |name, number: f64| {
            let is_fit = number.is_finite() && number > 0.0;
            is_fit.then_some(number).ok_or_else(|| out_of_range(name, number, "above 0"))
        };
        let temperature = self.temperature.unwrap_or(release.temperature);
        let top_p = self.top_p.unwrap_or(release.top_p);
        if !(top_p > 0.0 && top_p <= 1.0) {
            return Err(out_of_range("top_p", top_p, "above 0 and at most 1"));
        }
        let penalty = self.repetition_penalty.unwrap_or(release.repetition_penalty);
        let warp = Warp {
            temperature: positive("temperature", temperature)?,
            top_k: self.top_k.unwrap_or(release.top_k),
            top_p,
        };
        let max_tokens = match self.max_new_tokens {
            Some(0) => return Err(out_of_range("max_new_tokens", 0.0, "at least 1")),
            Some(asked) => asked,
            // One more id than frames: the one that ends the line.
            None => (most_frames as usize + 1).min(release.max_new_tokens),
        };
        Ok(Sampling {
            talker: usual.talker.filter(|_| !self.is_greedy).map(|_| warp),
            predictor: usual.predictor.filter(|_| !self.is_greedy),
            repetition_penalty: positive("repetition_penalty", penalty)?,
            max_tokens,
        })
    }
}

fn out_of_range(name: &str, number: f64, range: &str) -> LineError {
    LineError::Text(format!("{name} is {number}, must be {range}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_said_is_as_in_the_release() {
        let release = GenerationConfig::default();
        let sampling = Choosing::default().sampling(&release, 100).unwrap();
        assert_eq!(sampling, Sampling { max_tokens: 101, ..Sampling::from(&release) });
        let greedy = Choosing { is_greedy: true, max_new_tokens: Some(9), ..Choosing::default() };
        let greedy = greedy.sampling(&release, 100).unwrap();
        assert_eq!((greedy.talker, greedy.predictor, greedy.max_tokens), (None, None, 9));
    }

    #[test]
    fn what_is_said_is_of_the_first_codes_only() {
        let release = GenerationConfig::default();
        let choosing = Choosing { temperature: Some(0.5), top_k: Some(3), ..Choosing::default() };
        let sampling = choosing.sampling(&release, 100).unwrap();
        let warp = Warp { temperature: 0.5, top_k: 3, top_p: release.top_p };
        assert_eq!(sampling.talker, Some(warp));
        assert_eq!(sampling.predictor, Sampling::from(&release).predictor);
    }

    #[test]
    fn numbers_that_cannot_be_computed_with_are_refused_by_name() {
        let choosing = Choosing::default();
        for (name, choosing) in [
            ("temperature", Choosing { temperature: Some(0.0), ..choosing.clone() }),
            ("temperature", Choosing { temperature: Some(f64::NAN), ..choosing.clone() }),
            ("top_p", Choosing { top_p: Some(1.5), ..choosing.clone() }),
            ("top_p", Choosing { top_p: Some(f64::NAN), ..choosing.clone() }),
            ("repetition_penalty", Choosing { repetition_penalty: Some(-1.0), ..choosing.clone() }),
            ("max_new_tokens", Choosing { max_new_tokens: Some(0), ..choosing.clone() }),
        ] {
            let error = choosing.sampling(&GenerationConfig::default(), 100).unwrap_err();
            assert!(error.to_string().starts_with(name), "{error}");
        }
    }
}
