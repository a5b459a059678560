//! Joins the pieces of a scratch line: resampled for the voice's size, with silence at its pauses.

use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Fft, FixedSync, Resampler};

use super::frame::{Frame, Speech};
use super::model::Prompt;
use super::pico;
use crate::{DeviceError, LineError, Samples, Utterance, Vocoder};

/// Makes audio of scratch frames; there is nothing to gain from doing several at once.
#[derive(Debug)]
pub(crate) struct Joiner;

impl Vocoder for Joiner {
    type Frame = Frame;
    type Prompt = Prompt;

    fn rate_hz(&self) -> u32 {
        pico::RATE_HZ
    }

    fn batch(&self) -> usize {
        1
    }

    fn patience(&self) -> u32 {
        0
    }

    fn decode(
        &self,
        lines: &[Utterance<'_, Frame, Prompt>],
    ) -> Result<Vec<Result<Samples, LineError>>, DeviceError> {
        Ok(lines
            .iter()
            .map(|line| join(line.frames, line.prompt.settings.faster_percent))
            .collect())
    }
}

/// What is louder than this is speech, in 16-bit steps: −54 dBFS.
const LOUD: i16 = 64;

/// Kept around speech where a pause cuts it, and faded, in milliseconds.
const KEPT_MS: u32 = 10;

/// Joins a line's frames, played `faster_percent` hundredths as fast.
///
/// Where a pause meets speech, the synthesiser's own silence is cut away, so that the pause is as
/// long as was asked for; elsewhere its pacing stands.
fn join(frames: &[Frame], faster_percent: usize) -> Result<Samples, LineError> {
    let rate_hz = frames
        .iter()
        .find_map(|frame| match frame {
            Frame::Speech(speech) => Some(speech.rate_hz),
            Frame::Silence(_) => None,
        })
        .ok_or_else(silent)?;
    let mut samples = Vec::new();
    let runs = frames.chunk_by(|a, b| is_speech(a) && is_speech(b));
    let count = runs.clone().count();
    for (n, run) in runs.enumerate() {
        if let [Frame::Silence(ms)] = run {
            samples.resize(samples.len() + count_of(*ms, rate_hz), 0.0);
            continue;
        }
        let mut spoken: Vec<_> = run.iter().flat_map(speech_of).copied().collect();
        cut(&mut spoken, n > 0, n + 1 < count, rate_hz);
        samples.extend(resample(&spoken, faster_percent)?);
    }
    if samples.iter().all(|sample| sample.abs() < f32::from(LOUD) / 32_768.0) {
        return Err(silent());
    }
    Ok(Samples { samples, rate_hz })
}

fn silent() -> LineError {
    LineError::Text("the line came out silent; reword it".to_owned())
}

fn is_speech(frame: &Frame) -> bool {
    matches!(frame, Frame::Speech(_))
}

fn speech_of(frame: &Frame) -> &[i16] {
    match frame {
        Frame::Speech(Speech { samples, .. }) => samples,
        Frame::Silence(_) => &[],
    }
}

fn count_of(ms: u32, rate_hz: u32) -> usize {
    usize::try_from(u64::from(ms) * u64::from(rate_hz) / 1_000).unwrap_or(usize::MAX)
}

/// Cuts silence from the start and the end, as asked, down to a few milliseconds, and fades those.
fn cut(samples: &mut Vec<i16>, at_start: bool, at_end: bool, rate_hz: u32) {
    let kept = count_of(KEPT_MS, rate_hz);
    let is_loud = |sample: &i16| sample.unsigned_abs() > LOUD.unsigned_abs();
    if at_end {
        let end = samples.iter().rposition(is_loud).map_or(0, |last| last + 1);
        samples.truncate(end + kept);
        fade(samples.iter_mut().rev(), kept);
    }
    if at_start {
        let start = samples.iter().position(is_loud).unwrap_or(samples.len());
        samples.drain(..start.saturating_sub(kept));
        fade(samples.iter_mut(), kept);
    }
}

/// Fades in over the first `length` samples.
fn fade<'a>(samples: impl Iterator<Item = &'a mut i16>, length: usize) {
    let length = i32::try_from(length.max(1)).unwrap_or(i32::MAX);
    for (n, sample) in (0..length).zip(samples) {
        *sample = i16::try_from(i32::from(*sample) * n / length).unwrap_or(0);
    }
}

/// Plays `samples` `faster_percent` hundredths as fast, at the same rate.
///
/// The result lies on a 16-bit grid again, which hides that processors add floats up differently.
fn resample(samples: &[i16], faster_percent: usize) -> Result<Vec<f32>, LineError> {
    let input: Vec<_> = samples.iter().map(|&sample| f32::from(sample) / 32_768.0).collect();
    if faster_percent == 100 || input.is_empty() {
        return Ok(input);
    }
    let failed = |err: &dyn std::fmt::Display| LineError::Failed(format!("resampling: {err}"));
    let mut resampler = Fft::<f32>::new(faster_percent, 100, 1_024, 1, FixedSync::Input)
        .map_err(|err| failed(&err))?;
    let adapter = InterleavedSlice::new(&input, 1, input.len()).map_err(|err| failed(&err))?;
    let output =
        resampler.process_all(&adapter, input.len(), None).map_err(|err| failed(&err))?.take_data();
    Ok(output.into_iter().map(|sample| (sample * 32_768.0).round() / 32_768.0).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: u32 = 1_000;

    fn speech(samples: &[i16]) -> Frame {
        Frame::Speech(Speech { samples: samples.to_vec(), rate_hz: RATE })
    }

    /// 30 samples of silence, 40 of sound, 50 of silence.
    fn word() -> Vec<i16> {
        [vec![0; 30], vec![8_000; 40], vec![0; 50]].concat()
    }

    #[test]
    fn pieces_of_one_passage_are_one_stretch_of_speech() {
        let word = word();
        let (first, second) = word.split_at(45);
        let whole = join(&[speech(&word)], 125).unwrap();
        assert_eq!(join(&[speech(first), speech(second)], 125).unwrap(), whole);
        assert_eq!(whole.samples.len(), 96);
        assert_eq!(whole.rate_hz, RATE);
    }

    #[test]
    fn a_pause_is_as_long_as_was_asked_for() {
        let frames = [speech(&word()), Frame::Silence(200), speech(&word()), Frame::Silence(7)];
        let joined = join(&frames, 100).unwrap().samples;
        // Own silence before the first word; 10 ms of it kept where a pause cuts; fades inside them.
        assert_eq!(joined.len(), (30 + 40 + 10) + 200 + (10 + 40 + 10) + 7);
        let loud: Vec<_> = (0..joined.len()).filter(|&at| joined[at].abs() > 0.2).collect();
        assert_eq!((loud[0], loud[39], loud[40], loud[79]), (30, 69, 290, 329));
    }

    #[test]
    fn playing_faster_shortens_and_keeps_the_level() {
        let tone: Vec<i16> =
            (0..4_000).map(|n| if n / 25 % 2 == 0 { 9_000 } else { -9_000 }).collect();
        for (faster, length) in [(80, 5_000), (94, 4_256), (125, 3_200)] {
            let played = join(&[speech(&tone)], faster).unwrap().samples;
            assert_eq!(played.len(), length);
            let power = played.iter().map(|s| f64::from(*s).powi(2)).sum::<f64>();
            let level = (power / f64::from(u32::try_from(length).unwrap())).sqrt();
            assert!((level - 9_000.0 / 32_768.0).abs() < 0.01, "{faster}: {level}");
        }
    }

    #[test]
    fn silence_is_not_a_line() {
        for frames in [vec![], vec![Frame::Silence(500)], vec![speech(&[0; 100])]] {
            assert_eq!(join(&frames, 100), Err(silent()));
        }
    }
}
