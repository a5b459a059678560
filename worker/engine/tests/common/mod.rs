//! Speaking lines and measuring what came of them.
#![expect(dead_code, reason = "each test crate uses its part of this")]

use std::path::{Path, PathBuf};

use engine::scratch::{self, ScratchConfig};
use engine::{LineError, Request, Samples, Speaker};
use schemas::{ScratchSynthesiser, Voice, VoiceSource};

type Spoken = Result<Samples, LineError>;

/// A scratch engine in a folder of its own.
pub(crate) struct Bench {
    kept: tempfile::TempDir,
    config: ScratchConfig,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let kept = tempfile::tempdir().expect("a temporary folder");
        let scratch_dir = kept.path().to_owned();
        Self { kept, config: ScratchConfig { scratch_dir, slots: 1, say: None, espeak: None } }
    }

    pub(crate) fn with_espeak(program: impl Into<PathBuf>) -> Self {
        let mut bench = Self::new();
        bench.config.espeak = Some(program.into());
        bench
    }

    pub(crate) fn with_say(program: impl Into<PathBuf>) -> Self {
        let mut bench = Self::new();
        bench.config.say = Some(program.into());
        bench
    }

    pub(crate) fn in_folder(mut self, name: &str) -> Self {
        self.config.scratch_dir.push(name);
        self
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.config.scratch_dir
    }

    pub(crate) fn open(&self, slots: usize) -> Box<dyn Speaker + Send> {
        scratch::open(ScratchConfig { slots, ..self.config.clone() })
    }

    /// Speaks lines tagged from 0, and gives them by tag.
    pub(crate) fn speak(&self, slots: usize, requests: Vec<Request>) -> Vec<Spoken> {
        run(&mut *self.open(slots), requests)
    }

    pub(crate) fn speak_one(&self, request: Request) -> Spoken {
        self.speak(1, vec![Request { tag: 0, ..request }]).remove(0)
    }
}

/// Speaks lines and gives them in order of tag.
pub(crate) fn run(speaker: &mut dyn Speaker, requests: Vec<Request>) -> Vec<Spoken> {
    for request in requests {
        speaker.admit(request);
    }
    let mut finished = Vec::new();
    while !speaker.is_idle() {
        finished.extend(speaker.turn().expect("no device, no device failure"));
    }
    finished.sort_by_key(|line| line.tag);
    finished.into_iter().map(|line| line.result).collect()
}

pub(crate) fn voice(synthesiser: ScratchSynthesiser, pitch: f32, formant: f32, rate: f32) -> Voice {
    let source = VoiceSource::Scratch { synthesiser, base: None, pitch, formant, rate };
    Voice { name: "mira".to_owned(), model: "scratch".to_owned(), source }
}

/// A line in American English by Pico as it comes.
pub(crate) fn as_request(tag: u64, text: &str) -> Request {
    Request {
        tag,
        text: text.to_owned(),
        pauses: Vec::new(),
        language: "en-US".to_owned(),
        voice: voice(ScratchSynthesiser::Pico, 1.0, 1.0, 1.0),
        seed: 0,
    }
}

/// A count as a number to calculate with.
pub(crate) fn number(count: usize) -> f64 {
    f64::from(u32::try_from(count).expect("far below 2^32"))
}

/// 16-bit silence with some noise in it.
const QUIET: f32 = 0.004;

/// From the first loud sample to the last, in milliseconds.
pub(crate) fn spoken_ms(samples: &Samples) -> usize {
    let is_loud = |sample: &f32| sample.abs() > QUIET;
    let first = samples.samples.iter().position(is_loud).unwrap_or(0);
    let last = samples.samples.iter().rposition(is_loud).unwrap_or(0);
    (last - first) * 1_000 / samples.rate_hz as usize
}

/// The longest stretch without a loud sample, in milliseconds.
pub(crate) fn longest_silence_ms(samples: &Samples) -> usize {
    let runs = samples.samples.split(|sample| sample.abs() > QUIET).map(<[f32]>::len);
    runs.max().unwrap_or(0) * 1_000 / samples.rate_hz as usize
}

/// How often the wave changes sign where it is loud: a measure of how bright it is.
pub(crate) fn crossings_per_s(samples: &Samples) -> f64 {
    let loud: Vec<_> = samples.samples.iter().filter(|s| s.abs() > QUIET).collect();
    let crossings = loud.windows(2).filter(|pair| pair[0].signum() != pair[1].signum()).count();
    number(crossings) / number(loud.len()) * f64::from(samples.rate_hz)
}

/// Median pitch of the voiced parts, by autocorrelation.
pub(crate) fn pitch_hz(samples: &Samples) -> f64 {
    let rate = samples.rate_hz as usize;
    let window = rate / 25;
    let mut found: Vec<f64> = samples
        .samples
        .windows(2 * window)
        .step_by(window / 2)
        .filter_map(|frame| pitch_of(frame, window, rate))
        .collect();
    found.sort_by(f64::total_cmp);
    found.get(found.len() / 2).copied().unwrap_or(0.0)
}

fn pitch_of(frame: &[f32], window: usize, rate: usize) -> Option<f64> {
    let power = |part: &[f32]| part.iter().map(|s| f64::from(*s).powi(2)).sum::<f64>();
    let own = power(&frame[..window]);
    if own / number(window) <= 1e-5 {
        return None;
    }
    let alike = |lag: usize| {
        let product: f64 = frame[..window]
            .iter()
            .zip(&frame[lag..])
            .map(|(a, b)| f64::from(*a) * f64::from(*b))
            .sum();
        product / (own * power(&frame[lag..lag + window])).sqrt()
    };
    let likeness: Vec<_> = (rate / 500..=rate / 60).map(|lag| (lag, alike(lag))).collect();
    let best = likeness.iter().map(|(_, like)| *like).fold(0.0, f64::max);
    // The shortest lag that is about as good as the best: longer ones are whole multiples of it.
    let is_peak = |three: &&[(usize, f64)]| {
        three[1].1 >= three[0].1 && three[1].1 >= three[2].1 && three[1].1 > best - 0.05
    };
    let peak = likeness.windows(3).find(is_peak)?;
    (best > 0.8).then(|| number(rate) / number(peak[1].0))
}
