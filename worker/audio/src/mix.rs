//! Lines laid into an episode.

use crate::Pcm;
use crate::limiter::limit;

/// The highest sample of a mix, in dBFS.
const CEILING_DBFS: f32 = -1.0;

/// Lays lines into silence at their places, in samples from the start.
///
/// Lines may overlap, as in dual dialogue: they are added in the order given, and where the sum goes
/// above −1 dBFS the limiter of [`finish`](crate::finish) turns it down. What reaches beyond
/// `length_samples` is cut off.
///
/// # Panics
/// When a line's rate is not `rate_hz`: the masters of an episode share one.
#[must_use]
pub fn mix(length_samples: usize, rate_hz: u32, places: &[(usize, &Pcm)]) -> Pcm {
    let mut samples = vec![0.0; length_samples];
    for &(place, line) in places {
        assert_eq!(line.rate_hz, rate_hz, "a line at another rate than its episode");
        let room = samples.get_mut(place..).unwrap_or_default();
        for (sum, sample) in room.iter_mut().zip(&line.samples) {
            *sum += sample;
        }
    }
    limit(&mut samples, rate_hz, CEILING_DBFS);
    Pcm { samples, rate_hz }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure;
    use crate::signals::noise;

    #[test]
    fn lines_stand_at_their_places_and_nowhere_else() {
        let line = noise(24_000, 0.4, 1_000);
        let episode = mix(5_000, 24_000, &[(500, &line), (4_500, &line), (9_000, &line)]);
        assert_eq!(episode.samples.len(), 5_000);
        assert_eq!(episode.samples[500..1_500], line.samples[..]);
        assert_eq!(episode.samples[4_500..], line.samples[..500]);
        assert!(episode.samples[1_500..4_500].iter().all(|&sample| sample == 0.0));
    }

    #[test]
    fn two_voices_at_once_are_added_and_stay_under_the_ceiling() {
        let (soft, loud) = (noise(24_000, 0.3, 1_000), noise(24_000, 0.8, 1_000));
        let added = mix(1_000, 24_000, &[(0, &soft), (0, &soft)]);
        assert!(added.samples.iter().zip(&soft.samples).all(|(a, b)| (a - 2.0 * b).abs() < 1e-6));
        let limited = mix(1_000, 24_000, &[(0, &loud), (0, &loud)]);
        assert!(measure(&limited).peak_dbfs <= CEILING_DBFS + 1e-4);
    }

    #[test]
    #[should_panic(expected = "another rate")]
    fn a_line_at_another_rate_is_a_bug() {
        let _mixed = mix(10, 48_000, &[(0, &noise(24_000, 0.1, 5))]);
    }
}
