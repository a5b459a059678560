//! How high a voice is.

use crate::Pcm;
use crate::level::peak;

/// The lowest and highest voice that is looked for, in Hz: a deep bass to a child that shouts.
const RANGE_HZ: (f32, f32) = (55.0, 600.0);

/// How long a piece is compared with itself, in seconds: two periods of the lowest voice.
const WINDOW_S: f32 = 0.036;

/// Pieces looked at, at most, over the whole: the median of so many does not move any more.
const MOST_PIECES: usize = 400;

/// Time between two pieces, in seconds, while there are few.
const HOP_S: f32 = 0.02;

/// How unlike itself a period later a voiced piece may be, from 0 (the same) to 1 (noise).
const VOICED_BELOW: f32 = 0.15;

/// Pieces that must be voiced: fewer are a click, or breath.
const FEWEST_VOICED: usize = 5;

/// Against the highest sample, as a factor: what is quieter is no voice but the room.
const QUIET: f32 = 0.02;

/// Measures the median pitch of a voice in Hz, 55 to 600; `None` when nothing in it is voiced.
///
/// Source: steps 1 to 5 of YIN, de Cheveigné and Kawahara, JASA 111(4), 2002. Differs: the median of
/// all voiced pieces instead of the best local estimate.
#[must_use]
pub fn median_pitch_hz(pcm: &Pcm) -> Option<f32> {
    let rate = rate(pcm)?;
    let span = Span::of(rate);
    let Pcm { samples, .. } = pcm;
    let quiet = peak(samples) * QUIET;
    let last = samples.len().checked_sub(span.reach())?;
    let pieces = (last / in_samples(HOP_S, rate).max(1) + 1).clamp(1, MOST_PIECES);
    let mut pitches: Vec<f32> = (0..pieces)
        .map(|piece| piece * last / pieces.max(2).saturating_sub(1))
        .filter_map(|start| samples.get(start..start + span.reach()))
        .filter(|piece| peak(piece) > quiet)
        .filter_map(|piece| period(piece, span))
        .map(|period| rate / period)
        .collect();
    if pitches.len() < FEWEST_VOICED.min(pieces) {
        return None;
    }
    pitches.sort_by(f32::total_cmp);
    pitches.get(pitches.len() / 2).copied()
}

fn rate(pcm: &Pcm) -> Option<f32> {
    #[expect(clippy::cast_precision_loss, reason = "rates are far below 2^24")]
    let rate = pcm.rate_hz as f32;
    // Below that a window has too few samples to say anything.
    (rate >= 4_000.0).then_some(rate)
}

/// What is compared with what, in samples.
#[derive(Debug, Clone, Copy)]
struct Span {
    window: usize,
    shortest: usize,
    longest: usize,
}

impl Span {
    fn of(rate: f32) -> Self {
        let (low, high) = RANGE_HZ;
        Self {
            window: in_samples(WINDOW_S, rate),
            shortest: in_samples(1.0 / high, rate).max(2),
            longest: in_samples(1.0 / low, rate),
        }
    }

    /// Samples that a piece needs: the window, and the window the longest period later.
    fn reach(self) -> usize {
        self.window + self.longest + 1
    }
}

fn in_samples(seconds: f32, rate: f32) -> usize {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a fraction of a second of some ten thousand samples"
    )]
    let samples = (seconds * rate) as usize;
    samples
}

/// The period of a voiced piece, in samples and parts of one.
fn period(piece: &[f32], span: Span) -> Option<f32> {
    let unlike = unlikeness(piece, span);
    let is_voiced = |lag: &usize| unlike[*lag] < VOICED_BELOW;
    let first = (span.shortest..=span.longest).find(is_voiced)?;
    // Down to the bottom of the first dip: later ones are octaves below.
    let bottom =
        (first..span.longest).find(|&lag| unlike[lag + 1] >= unlike[lag]).unwrap_or(span.longest);
    Some(between(&unlike, bottom))
}

/// How unlike a piece is to itself `lag` samples later, against the mean of all shorter lags: 1 at lag
/// 0, near 0 at a period.
fn unlikeness(piece: &[f32], span: Span) -> Vec<f32> {
    let mut unlike = vec![1.0; span.longest + 2];
    let mut sum = 0.0;
    for lag in 1..=span.longest {
        let later = &piece[lag..lag + span.window];
        let difference: f32 =
            piece[..span.window].iter().zip(later).map(|(now, later)| (now - later).powi(2)).sum();
        sum += difference;
        #[expect(clippy::cast_precision_loss, reason = "some hundred samples")]
        let mean = sum / lag as f32;
        unlike[lag] = if mean > 0.0 { difference / mean } else { 1.0 };
    }
    unlike
}

/// The bottom of the parabola through three neighbours.
fn between(unlike: &[f32], bottom: usize) -> f32 {
    let (before, here, after) = (unlike[bottom - 1], unlike[bottom], unlike[bottom + 1]);
    let bend = before - 2.0 * here + after;
    let shift = if bend > 0.0 { (before - after) / (2.0 * bend) } else { 0.0 };
    #[expect(clippy::cast_precision_loss, reason = "some hundred samples")]
    let bottom = bottom as f32;
    bottom + shift.clamp(-0.5, 0.5)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::{noise, sine};

    /// A buzz like that of vocal folds: all harmonics up to 4 kHz, each weaker than the one below.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a few seconds of samples"
    )]
    fn buzz(rate_hz: u32, pitch_hz: f32, seconds: f32) -> Pcm {
        let rate = rate_hz as f32;
        let harmonics = (4_000.0 / pitch_hz) as usize;
        let samples = (0..(seconds * rate) as usize).map(|n| {
            let t = n as f32 / rate;
            let wave =
                |k: usize| (std::f32::consts::TAU * pitch_hz * k as f32 * t).sin() / k as f32;
            0.2 * (1..=harmonics).map(wave).sum::<f32>()
        });
        Pcm { samples: samples.collect(), rate_hz }
    }

    #[test]
    fn a_buzz_has_the_pitch_it_was_made_with() {
        for rate_hz in [8_000, 16_000, 24_000, 48_000] {
            for pitch_hz in [62.0, 98.5, 131.0, 220.0, 333.3, 520.0] {
                let pitch = median_pitch_hz(&buzz(rate_hz, pitch_hz, 0.5)).unwrap();
                let off = (pitch / pitch_hz - 1.0).abs();
                assert!(off < 0.01, "{rate_hz} Hz: {pitch} for {pitch_hz}");
            }
        }
    }

    #[test]
    fn a_pure_tone_in_some_noise_is_heard_too() {
        let mut tone = sine(24_000, 180.0, 0.3, 24_000);
        for (sample, noise) in tone.samples.iter_mut().zip(noise(24_000, 0.01, 24_000).samples) {
            *sample += noise;
        }
        let pitch = median_pitch_hz(&tone).unwrap();
        assert!((pitch - 180.0).abs() < 2.0, "{pitch}");
    }

    #[test]
    fn silence_around_speech_does_not_count() {
        let mut pcm = buzz(24_000, 150.0, 0.4);
        pcm.samples.splice(0..0, vec![0.0; 48_000]);
        pcm.samples.extend(vec![0.0; 48_000]);
        let pitch = median_pitch_hz(&pcm).unwrap();
        assert!((pitch - 150.0).abs() < 2.0, "{pitch}");
    }

    #[test]
    fn what_is_not_voiced_has_no_pitch() {
        assert_eq!(median_pitch_hz(&noise(24_000, 0.5, 24_000)), None);
        assert_eq!(median_pitch_hz(&Pcm { samples: vec![0.0; 24_000], rate_hz: 24_000 }), None);
        assert_eq!(median_pitch_hz(&sine(24_000, 200.0, 0.5, 100)), None);
        assert_eq!(median_pitch_hz(&Pcm { samples: vec![0.1; 99], rate_hz: 0 }), None);
        let broken = Pcm { samples: vec![f32::NAN; 24_000], rate_hz: 24_000 };
        assert_eq!(median_pitch_hz(&broken), None);
    }
}
