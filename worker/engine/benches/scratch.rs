//! How many seconds of audio a second of one core gives: `cargo bench -p engine`.

use std::io::Write;
use std::time::Instant;

use engine::scratch::{self, ScratchConfig};
use engine::{Request, Speaker};
use schemas::{ScratchSynthesiser, Voice, VoiceSource};

const TEXTS: [&str; 4] = [
    "I don't know. Do you?",
    "The ferry leaves at midnight, and nobody knows who is on board.",
    "You come most carefully upon your hour; get thee to bed, Francisco.",
    "If you go down to the harbour tonight, take a lamp, because the steps are wet.",
];

fn request(tag: u64) -> Request {
    let place = usize::try_from(tag).expect("a few lines");
    let (_, timbre) = scratch::palette(&format!("speaker {}", place % 7), &[]);
    let source = VoiceSource::Scratch {
        synthesiser: ScratchSynthesiser::Pico,
        base: None,
        pitch: timbre.pitch,
        formant: timbre.formant,
        rate: timbre.rate,
    };
    Request {
        tag,
        text: TEXTS[place % TEXTS.len()].to_owned(),
        pauses: Vec::new(),
        language: "en-US".to_owned(),
        voice: Voice { name: "bench".to_owned(), model: "scratch".to_owned(), source },
        seed: 0,
    }
}

/// Seconds of audio in `lines` lines.
fn speak(speaker: &mut dyn Speaker, lines: u64) -> f64 {
    for tag in 0..lines {
        speaker.admit(request(tag));
    }
    let mut audio_s = 0.0;
    while !speaker.is_idle() {
        for line in speaker.turn().expect("no device, no device failure") {
            let samples = line.result.expect("plain English");
            audio_s += f64::from(u32::try_from(samples.samples.len()).expect("minutes"))
                / f64::from(samples.rate_hz);
        }
    }
    audio_s
}

fn main() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let scratch_dir = folder.path().to_owned();
    for slots in [1, 8] {
        let scratch_dir = scratch_dir.clone();
        let mut speaker =
            scratch::open(ScratchConfig { scratch_dir, slots, say: None, espeak: None });
        speak(&mut *speaker, 8);
        let start = Instant::now();
        let audio_s = speak(&mut *speaker, 96);
        let took_s = start.elapsed().as_secs_f64();
        let times = audio_s / took_s;
        writeln!(
            std::io::stdout(),
            "{slots} slots: {audio_s:.0} s of audio in {took_s:.2} s, {times:.0} x real time"
        )
        .expect("standard output is open");
    }
}
