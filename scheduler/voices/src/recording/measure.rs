//! What a recording is like: noise, room, level.

use audio::Pcm;

/// Length of a stretch of which the level is measured.
const STRETCH_MS: u32 = 10;
/// Nothing is called quieter than this, in dBFS.
const FLOOR_DBFS: f32 = -120.0;

/// Levels over a recording.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Levels {
    /// Of each stretch of 10 ms, in dBFS.
    stretches: Vec<f32>,
    /// Of the quietest tenth.
    pub(super) noise_dbfs: f32,
    /// Of the loudest tenth.
    pub(super) speech_dbfs: f32,
}

impl Levels {
    /// Measures; `None` of less than 0.2 s.
    pub(super) fn of(pcm: &Pcm) -> Option<Self> {
        let length = (pcm.rate_hz * STRETCH_MS / 1_000).max(1) as usize;
        let stretches: Vec<f32> = pcm.samples.chunks_exact(length).map(level).collect();
        if stretches.len() < 20 {
            return None;
        }
        let mut sorted = stretches.clone();
        sorted.sort_by(f32::total_cmp);
        let noise_dbfs = sorted[sorted.len() / 10];
        let speech_dbfs = sorted[sorted.len() - 1 - sorted.len() / 10];
        Some(Self { stretches, noise_dbfs, speech_dbfs })
    }

    /// How far speech is above what is heard between words, in dB.
    pub(super) fn signal_to_noise_db(&self) -> f32 {
        self.speech_dbfs - self.noise_dbfs
    }

    /// How long what is loud takes to fall by 20 dB, in milliseconds: the median over all the places
    /// where it does so without rising between. `None` where it never does.
    pub(super) fn decay_ms(&self) -> Option<u32> {
        let loud = self.speech_dbfs - 6.0;
        let mut falls: Vec<u32> = Vec::new();
        for (start, &level) in self.stretches.iter().enumerate() {
            // Where it is loud for the last time before a fall.
            let next = self.stretches.get(start + 1);
            if level < loud || next.is_none_or(|next| *next >= loud) {
                continue;
            }
            let mut lowest = level;
            for (count, &later) in (1u32..).zip(&self.stretches[start + 1..]) {
                // A little up again is the grain of noise; more is the next syllable.
                if later > lowest + 3.0 {
                    break;
                }
                lowest = lowest.min(later);
                if later <= level - 20.0 {
                    falls.push(count * STRETCH_MS);
                    break;
                }
            }
        }
        falls.sort_unstable();
        falls.get(falls.len() / 2).copied()
    }
}

/// Root mean square in dBFS.
fn level(samples: &[f32]) -> f32 {
    #[expect(clippy::cast_precision_loss, reason = "a hundredth of a second of samples")]
    let length = samples.len().max(1) as f32;
    let power = samples.iter().map(|sample| sample * sample).sum::<f32>() / length;
    (10.0 * power.log10()).max(FLOOR_DBFS)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE_HZ: u32 = 24_000;

    /// Half a second of a tone, which then falls by `fall_db_per_s` into noise at −70 dBFS; four times.
    fn bursts(fall_db_per_s: f32) -> Pcm {
        let mut random = fastrand::Rng::with_seed(1);
        let mut samples = Vec::new();
        for _ in 0..4 {
            for at in 0..RATE_HZ {
                #[expect(clippy::cast_precision_loss, reason = "one second")]
                let seconds = at as f32 / RATE_HZ as f32;
                let fall_db = (seconds - 0.5).max(0.0) * fall_db_per_s;
                let tone = 0.3 * 10f32.powf(-fall_db / 20.0) * (seconds * 1_381.0).sin();
                samples.push(tone + (random.f32() - 0.5) * 0.001);
            }
        }
        Pcm { samples, rate_hz: RATE_HZ }
    }

    #[test]
    fn noise_and_speech_are_told_apart() {
        let levels = Levels::of(&bursts(1_000.0)).unwrap();
        assert!((levels.noise_dbfs + 71.0).abs() < 2.0, "{}", levels.noise_dbfs);
        assert!((levels.speech_dbfs + 13.5).abs() < 1.0, "{}", levels.speech_dbfs);
        assert_eq!(Levels::of(&Pcm { samples: vec![0.0; 4_000], rate_hz: RATE_HZ }), None);
    }

    #[test]
    fn a_room_is_heard_in_how_words_end() {
        let dry = Levels::of(&bursts(1_000.0)).unwrap().decay_ms().unwrap();
        let hall = Levels::of(&bursts(60.0)).unwrap().decay_ms().unwrap();
        assert!((10..=50).contains(&dry), "{dry}");
        assert!((280..=400).contains(&hall), "{hall}");
    }
}
