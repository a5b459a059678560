//! Keeps samples under a ceiling.
//!
//! A look-ahead gain: around each peak that is too high the gain sinks within 20 ms, stays for 20 ms
//! and rises within 20 ms, so that one hard consonant does not turn its whole line down. The gain is
//! the mean over 20 ms of the lowest gain wanted within 10 ms either way: at the peak itself every
//! value in that mean is low enough, so the mean is too. The reach covers one period of the lowest
//! voices, which are therefore turned down evenly and not distorted.

use std::collections::VecDeque;

use crate::level::{from_db, peak};

/// Turns down what is above `ceiling_dbfs`, and nothing that is further from it than 20 ms.
///
/// A ceiling above 0 dBFS counts as 0. Samples under the ceiling throughout come back untouched.
pub(crate) fn limit(samples: &mut [f32], rate_hz: u32, ceiling_dbfs: f32) {
    let ceiling = from_db(ceiling_dbfs.min(0.0));
    if peak(samples) <= ceiling {
        return;
    }
    let reach = (rate_hz / 100).max(1) as usize;
    let mut envelope = Envelope::new(reach);
    for at in 0..samples.len() + 2 * reach {
        let wanted = samples.get(at).map_or(1.0, |sample| ceiling / sample.abs().max(ceiling));
        let gain = envelope.push(at, wanted);
        if let Some(due) = at.checked_sub(2 * reach) {
            // Rounding may leave a peak a hair above; the clamp is for that.
            samples[due] = (samples[due] * gain).clamp(-ceiling, ceiling);
        }
    }
}

/// The smoothed gain, following the wanted one by `2 · reach` samples.
struct Envelope {
    /// Samples looked at either way.
    reach: usize,
    /// Candidates for the lowest wanted gain of the last `2 · reach + 1`: rising in place and value.
    lowest: VecDeque<(usize, f32)>,
    /// The last `2 · reach + 1` lowest gains.
    window: VecDeque<f32>,
    /// Sum of `window`.
    sum: f64,
}

impl Envelope {
    fn new(reach: usize) -> Self {
        let window = VecDeque::from(vec![1.0; 2 * reach + 1]);
        let sum = window.iter().map(|&gain: &f32| f64::from(gain)).sum();
        Self { reach, lowest: VecDeque::new(), window, sum }
    }

    /// Takes the gain wanted at `at`, one after the other from 0; returns the one for `at − 2 · reach`.
    fn push(&mut self, at: usize, wanted: f32) -> f32 {
        while self.lowest.back().is_some_and(|&(_, gain)| gain >= wanted) {
            self.lowest.pop_back();
        }
        self.lowest.push_back((at, wanted));
        while self.lowest.front().is_some_and(|&(place, _)| place + 2 * self.reach < at) {
            self.lowest.pop_front();
        }
        let lowest = self.lowest.front().map_or(1.0, |&(_, gain)| gain);
        let oldest = self.window.pop_front().unwrap_or(1.0);
        self.window.push_back(lowest);
        self.sum += f64::from(lowest) - f64::from(oldest);
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            reason = "a window is short and a gain is a factor of f32 samples"
        )]
        let mean = (self.sum / self.window.len() as f64) as f32;
        mean
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::signals::{noise, sine};

    #[test]
    fn one_peak_turns_only_its_surroundings_down() {
        let mut samples = vec![0.1f32; 24_000];
        samples[12_000] = 4.0;
        limit(&mut samples, 24_000, -1.0);
        let changed: Vec<usize> =
            (0..24_000).filter(|&at| (samples[at] - 0.1).abs() > 1e-6).collect();
        assert!(changed[0] >= 12_000 - 480 && changed[changed.len() - 1] <= 12_000 + 480);
        assert!(samples[12_000] > 0.88);
        let steps = samples.windows(2).filter(|pair| pair[0] < 0.2 && pair[1] < 0.2);
        assert!(steps.map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max) < 0.001);
    }

    #[test]
    fn what_is_under_the_ceiling_is_untouched() {
        let quiet = noise(24_000, 0.89, 5_000).samples;
        let mut ours = quiet.clone();
        limit(&mut ours, 24_000, -1.0);
        assert_eq!(ours, quiet);
    }

    #[test]
    fn a_steady_low_voice_is_turned_down_evenly() {
        let mut samples = sine(24_000, 60.0, 2.0, 24_000).samples;
        limit(&mut samples, 24_000, 0.0);
        let halves = sine(24_000, 60.0, 1.0, 24_000).samples;
        let inner = 2_000..22_000;
        let distance = crate::signals::snr_db(&halves[inner.clone()], &samples[inner]);
        assert!(distance > 60.0, "{distance}");
    }

    proptest! {
        #[test]
        fn the_smoothed_gain_is_never_above_the_wanted_one(
            wanted in prop::collection::vec(prop_oneof![4 => Just(1f32), 1 => 0.01f32..1.0], 1..300),
            reach in 1usize..40,
        ) {
            let mut envelope = Envelope::new(reach);
            for at in 0..wanted.len() + 2 * reach {
                let gain = envelope.push(at, wanted.get(at).copied().unwrap_or(1.0));
                let Some(due) = at.checked_sub(2 * reach) else { continue };
                prop_assert!(gain <= wanted[due] + 1e-6, "{} at {}, not {}", gain, due, wanted[due]);
            }
        }

        #[test]
        fn no_sample_is_ever_above_the_ceiling(
            loud in prop::collection::vec(-20f32..20.0, 0..4_000),
            ceiling_dbfs in -30f32..3.0,
            rate_hz in 1u32..48_000,
        ) {
            let mut samples = loud;
            limit(&mut samples, rate_hz, ceiling_dbfs);
            prop_assert!(peak(&samples) <= from_db(ceiling_dbfs.min(0.0)));
        }
    }
}
