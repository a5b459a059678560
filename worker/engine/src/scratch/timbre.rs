//! How a voice's pitch, size and rate become settings of a synthesiser and one resampling.
//!
//! Playing speech faster by the factor `formant` makes the tract smaller, but raises pitch and rate
//! by the same factor; the synthesiser is asked for that much less of both beforehand.

use schemas::{Voice, VoiceSource};

use super::palette::ScratchTimbre;
use crate::LineError;

/// Settings for one synthesiser, in its own words.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Settings {
    /// What the synthesiser has to add to its own pitch, as a factor.
    pub(crate) pitch: f32,
    /// What the synthesiser has to add to its own rate, as a factor.
    pub(crate) rate: f32,
    /// How much faster the samples are played, in hundredths; 100 leaves them alone.
    pub(crate) faster_percent: usize,
}

impl Settings {
    pub(crate) fn new(timbre: ScratchTimbre) -> Self {
        let faster = (timbre.formant * 100.0).round();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "80 to 125, as checked"
        )]
        let faster_percent = faster as usize;
        let formant = faster / 100.0;
        Self { pitch: timbre.pitch / formant, rate: timbre.rate / formant, faster_percent }
    }
}

/// Reads the timbre of a scratch voice.
///
/// # Errors
/// [`LineError::Voice`] when a factor is outside the range that the voice file promises.
pub(crate) fn timbre_of(voice: &Voice) -> Result<ScratchTimbre, LineError> {
    let VoiceSource::Scratch { pitch, formant, rate, .. } = voice.source else {
        let name = &voice.name;
        return Err(LineError::Voice(format!(
            "voice `{name}` is not a scratch voice; give it a model that can speak it"
        )));
    };
    for (what, value, low, high) in
        [("pitch", pitch, 0.5, 2.0), ("formant", formant, 0.8, 1.25), ("rate", rate, 0.5, 2.0)]
    {
        if !(low..=high).contains(&value) {
            let name = &voice.name;
            return Err(LineError::Voice(format!(
                "the {what} of voice `{name}` is {value}; choose one from {low} to {high}"
            )));
        }
    }
    Ok(ScratchTimbre { pitch, formant, rate })
}

#[cfg(test)]
mod tests {
    use schemas::ScratchSynthesiser;

    use super::*;

    fn voice(pitch: f32, formant: f32, rate: f32) -> Voice {
        let synthesiser = ScratchSynthesiser::Pico;
        let source = VoiceSource::Scratch { synthesiser, base: None, pitch, formant, rate };
        Voice { name: "mira".into(), model: "scratch".into(), source }
    }

    #[test]
    fn a_factor_out_of_range_is_refused_by_name() {
        for (pitch, formant, rate, why) in [
            (0.4, 1.0, 1.0, "the pitch of voice `mira` is 0.4; choose one from 0.5 to 2"),
            (1.0, 1.3, 1.0, "the formant of voice `mira` is 1.3; choose one from 0.8 to 1.25"),
            (1.0, 1.0, f32::NAN, "the rate of voice `mira` is NaN; choose one from 0.5 to 2"),
        ] {
            let refused = timbre_of(&voice(pitch, formant, rate));
            assert_eq!(refused, Err(LineError::Voice(why.to_owned())));
        }
        assert!(timbre_of(&voice(0.5, 1.25, 2.0)).is_ok());
    }

    #[test]
    fn what_resampling_adds_the_synthesiser_leaves_out() {
        let settings = Settings::new(timbre_of(&voice(1.0, 1.25, 2.0)).unwrap());
        assert_eq!(settings, Settings { pitch: 0.8, rate: 1.6, faster_percent: 125 });
    }
}
