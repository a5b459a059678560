//! Speaking with programs, and what happens when they misbehave.
#![cfg(unix)]

mod common;

use std::os::unix::fs::PermissionsExt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use common::{Bench, as_request, number, pitch_hz, spoken_ms, voice};
use engine::{LineError, Request, Samples};
use schemas::{Pause, ScratchSynthesiser, VoiceSource};

const ESPEAK: &str = "/usr/bin/espeak-ng";

fn request(tag: u64, text: &str) -> Request {
    let voice = voice(ScratchSynthesiser::Espeak, 1.0, 1.0, 1.0);
    Request { voice, ..as_request(tag, text) }
}

/// What a test with a script holds on to.
type Kept = (tempfile::TempDir, MutexGuard<'static, ()>);

/// Keeps tests of one process from starting programs while another still writes its script: the
/// child would hold the script open, and no one can start a file that is open for writing.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A bench whose espeak-ng is a shell script; its arguments are those of the real one, the text
/// being in the file after `-f` and the audio due in the one after `-w`.
fn with_script(script: &str) -> (Kept, Bench) {
    let alone = alone();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let program = folder.path().join("espeak-ng");
    std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).expect("writable");
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("ours");
    ((folder, alone), Bench::with_espeak(program))
}

#[test]
fn a_program_that_refuses_fails_its_line_in_its_own_words() {
    let (_kept, bench) = with_script("echo 'no such voice' >&2; exit 3");
    let refused = bench.speak_one(request(0, "Ay."));
    let why = "espeak-ng refuses (exit status: 3): no such voice";
    assert_eq!(refused, Err(LineError::Voice(why.to_owned())));
}

#[test]
fn a_program_that_writes_nothing_fails_its_line_only() {
    let (_kept, bench) = with_script("exit 0");
    let spoken = bench.speak(2, vec![request(0, "Ay."), as_request(1, "Ay.")]);
    assert!(matches!(&spoken[0], Err(LineError::Failed(why)) if why.contains("no audio")));
    assert!(spoken[1].is_ok());
}

#[test]
fn a_program_that_is_not_there_is_named() {
    let _alone = alone();
    let bench = Bench::with_espeak("/nowhere/espeak-ng");
    let refused = bench.speak_one(request(0, "Ay."));
    let Err(LineError::Voice(why)) = refused else { panic!("{refused:?}") };
    assert!(why.starts_with("cannot start `/nowhere/espeak-ng`"), "{why}");
    assert_eq!(std::fs::read_dir(bench.folder()).unwrap().count(), 0, "files are left");
}

#[test]
fn a_hanging_program_is_killed_when_its_line_is_cancelled() {
    let (_kept, bench) = with_script("exec sleep 1000");
    let mut speaker = bench.open(1);
    speaker.admit(request(0, "Ay."));
    for _ in 0..3 {
        assert!(speaker.turn().unwrap().is_empty());
    }
    assert!(std::fs::read_dir(bench.folder()).unwrap().count() > 0);
    // Returns only when the program has been killed and waited for.
    speaker.cancel(0);
    assert_eq!(std::fs::read_dir(bench.folder()).unwrap().count(), 0, "files are left");
    assert!(speaker.is_idle());
}

#[test]
#[ignore = "needs espeak-ng"]
fn espeak_speaks_a_line_the_same_in_any_batch() {
    let _alone = alone();
    let bench = Bench::with_espeak(ESPEAK);
    let lines = ["Who's there?", "Nay, answer me.", "Long live the king!"];
    let requests = || lines.iter().enumerate().map(|(n, text)| request(n as u64, text)).collect();
    let alone = bench.speak(1, requests());
    let lengths: Vec<_> = alone.iter().map(|line| spoken_ms(line.as_ref().unwrap())).collect();
    assert!(lengths.iter().all(|ms| (400..2_500).contains(ms)), "{lengths:?}");
    assert!(bench.speak(3, requests()) == alone);
    assert_eq!(std::fs::read_dir(bench.folder()).unwrap().count(), 0, "files are left");
}

#[test]
#[ignore = "needs espeak-ng"]
fn espeak_speaks_languages_that_pico_does_not_and_refuses_unknown_ones() {
    let _alone = alone();
    let bench = Bench::with_espeak(ESPEAK);
    for (language, text) in
        [("pt-BR", "Bom dia a todos."), ("ru", "Добрый вечер."), ("en-GB", "Hi.")]
    {
        let line = Request { language: language.to_owned(), ..request(0, text) };
        assert!(spoken_ms(&bench.speak_one(line).unwrap()) > 200, "{language}");
    }
    let klingon = Request { language: "xx-none".to_owned(), ..request(0, "nuqneH") };
    let refused = bench.speak_one(klingon);
    assert!(matches!(&refused, Err(LineError::Voice(_))), "{refused:?}");
}

#[test]
#[ignore = "needs espeak-ng"]
fn espeak_is_never_commanded_by_script_text() {
    let _alone = alone();
    let bench = Bench::with_espeak(ESPEAK);
    for text in ["[[h@'loU]] there", "-w /tmp/x", "$(touch /tmp/x) `id`", "<voice>x</voice>"] {
        assert!(bench.speak_one(request(0, text)).is_ok(), "{text}");
    }
}

#[test]
#[ignore = "needs espeak-ng"]
fn espeak_pitch_and_rate_are_what_was_asked_for() {
    let _alone = alone();
    let bench = Bench::with_espeak(ESPEAK);
    let measure = |pitch, formant, rate| -> (f64, f64) {
        let voice = voice(ScratchSynthesiser::Espeak, pitch, formant, rate);
        let text = "Maria and Alma row along the moor in a low grey morning.";
        let samples: Samples = bench.speak_one(Request { voice, ..as_request(0, text) }).unwrap();
        (pitch_hz(&samples), number(spoken_ms(&samples)))
    };
    let (plain_hz, plain_ms) = measure(1.0, 1.0, 1.0);
    for (pitch, formant, rate) in
        [(0.7, 1.0, 1.0), (1.4, 1.0, 1.0), (1.0, 0.85, 1.0), (1.2, 1.2, 1.0), (1.0, 1.0, 1.5)]
    {
        let (hz, ms) = measure(pitch, formant, rate);
        let seen =
            format!("{pitch} {formant} {rate}: {hz:.0} of {plain_hz:.0} Hz, {ms} of {plain_ms} ms");
        assert!((hz / plain_hz / f64::from(pitch) - 1.0).abs() < 0.12, "{seen}");
        assert!((plain_ms / ms / f64::from(rate) - 1.0).abs() < 0.15, "{seen}");
    }
}

#[test]
#[ignore = "needs espeak-ng"]
fn espeak_keeps_the_pauses_of_a_line() {
    let _alone = alone();
    let bench = Bench::with_espeak(ESPEAK);
    let pauses = vec![Pause { at: 9, ms: 1_400 }];
    let line = Request { pauses, ..request(0, "I thought you knew.") };
    let rest = common::longest_silence_ms(&bench.speak_one(line).unwrap());
    assert!((1_400..1_480).contains(&rest), "{rest}");
}

#[test]
#[ignore = "needs macOS"]
fn say_speaks_a_line() {
    let bench = Bench::with_say("/usr/bin/say");
    let source = VoiceSource::Scratch {
        synthesiser: ScratchSynthesiser::Say,
        base: None,
        pitch: 0.9,
        formant: 1.05,
        rate: 1.1,
    };
    let mut line = request(0, "Good evening, Francisco.");
    line.voice.source = source;
    assert!((600..4_000).contains(&spoken_ms(&bench.speak_one(line).unwrap())));
}
