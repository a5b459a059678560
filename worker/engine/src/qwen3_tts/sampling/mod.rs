//! How codes are chosen from logits.

mod chooser;
mod device;
mod draws;
mod host;

pub(crate) use self::chooser::{Choice, Chooser};
pub use self::draws::Draws;
use super::config::{CONTROLS, GenerationConfig, TalkerConfig};

/// Ids a line must have before it may end.
pub(crate) const MIN_TOKENS: usize = 2;

/// The talker's ids that are no codes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Controls {
    /// The first of them; they go on to the end of the vocabulary.
    pub first: usize,
    /// The only one that may be chosen; none where it is no id.
    pub end: usize,
}

impl Controls {
    /// Reads them off a configuration.
    pub(crate) fn of(config: &TalkerConfig) -> Self {
        Self { first: config.vocab_size - CONTROLS, end: config.codec_eos_token_id as usize }
    }
}

/// How one line's codes are chosen.
#[derive(Debug, Clone, PartialEq)]
pub struct Sampling {
    /// How code 0 is drawn; `None` takes the likeliest.
    pub talker: Option<Warp>,
    /// How codes 1 to 15 are drawn; `None` takes the likeliest.
    pub predictor: Option<Warp>,
    /// Weakens ids that code 0 already was in this line; 1 is not at all.
    pub repetition_penalty: f64,
    /// Ids the talker may give. A line that reaches it without having ended has one frame less.
    pub max_tokens: usize,
}

/// What is done to logits before one is drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Warp {
    /// Divides logits; above 0.
    pub temperature: f64,
    /// How many of the likeliest may be drawn, more where there are ties; 0 is all.
    pub top_k: usize,
    /// How much probability those that may be drawn make up; 1 is all.
    pub top_p: f64,
}

impl From<&GenerationConfig> for Sampling {
    fn from(config: &GenerationConfig) -> Self {
        let talker =
            Warp { temperature: config.temperature, top_k: config.top_k, top_p: config.top_p };
        let predictor = Warp {
            temperature: config.subtalker_temperature,
            top_k: config.subtalker_top_k,
            top_p: config.subtalker_top_p,
        };
        Self {
            talker: config.do_sample.then_some(talker),
            predictor: config.subtalker_do_sample.then_some(predictor),
            repetition_penalty: config.repetition_penalty,
            max_tokens: config.max_new_tokens,
        }
    }
}

#[cfg(test)]
mod tests;
