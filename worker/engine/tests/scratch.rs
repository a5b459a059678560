//! What the scratch engine promises, heard from outside.

mod common;

use common::{Bench, as_request, pitch_hz, spoken_ms, voice};
use engine::{LineError, Request};
use schemas::{Pause, ScratchSynthesiser};

const LINES: [&str; 6] = [
    "Who's there?",
    "Nay, answer me. Stand and unfold yourself.",
    "…!",
    "Long live the king of all the ships at sea.",
    "Bernardo? He.",
    "You come most carefully upon your hour. 'Tis now struck twelve; get thee to bed, Francisco.",
];

/// Six lines in three voices and two languages.
fn requests() -> Vec<Request> {
    let timbres = [(1.0, 1.0, 1.0), (0.6, 0.88, 0.9), (1.4, 1.15, 1.1)];
    let request = |(n, text): (usize, &&str)| {
        let (pitch, formant, rate) = timbres[n % 3];
        let language = if n % 2 == 0 { "en-US" } else { "en-GB" };
        let voice = voice(ScratchSynthesiser::Pico, pitch, formant, rate);
        Request { voice, language: language.to_owned(), ..as_request(n as u64, text) }
    };
    LINES.iter().enumerate().map(request).collect()
}

#[test]
fn a_line_sounds_the_same_in_any_batch_and_any_order() {
    let bench = Bench::new();
    let alone: Vec<_> = requests().into_iter().map(|line| bench.speak(1, vec![line])).collect();
    let lengths: Vec<_> =
        alone.iter().map(|spoken| spoken[0].as_ref().map_or(0, spoken_ms)).collect();
    for (length, expected) in lengths.iter().zip([584, 3_992, 0, 2_076, 1_783, 5_828]) {
        assert!(length.abs_diff(expected) <= expected / 20, "{lengths:?}");
    }
    for slots in [1, 2, 3, 8] {
        let mut order = requests();
        order.rotate_left(slots % LINES.len());
        order.reverse();
        let together = bench.speak(slots, order);
        for (tag, alone) in alone.iter().enumerate() {
            assert!(together[tag] == alone[0], "line {tag} differs in {slots} slots");
        }
    }
}

/// Pico reads memory that it never wrote, so this fails for an engine in used memory.
#[test]
fn what_was_said_before_does_not_change_a_line() {
    let bench = Bench::new();
    let line = || as_request(0, "Long live the king of all the ships at sea.");
    let first = bench.speak(1, vec![line()]);
    for round in 0..8_u8 {
        std::hint::black_box(vec![round | 1; 4 << 20]);
        bench.speak(1, vec![as_request(0, "Something else entirely! Is it?")]);
        assert!(bench.speak(1, vec![line()]) == first, "round {round}");
    }
}

#[test]
fn pitch_and_rate_are_what_was_asked_for_whatever_the_size() {
    let bench = Bench::new();
    let text = "Maria and Alma row along the moor in a low grey morning.";
    let measure = |pitch, formant, rate| {
        let voice = voice(ScratchSynthesiser::Pico, pitch, formant, rate);
        let samples = bench.speak_one(Request { voice, ..as_request(0, text) }).unwrap();
        let ms = f64::from(u32::try_from(spoken_ms(&samples)).unwrap());
        (pitch_hz(&samples), ms)
    };
    let (plain_hz, plain_ms) = measure(1.0, 1.0, 1.0);
    assert!((160.0..190.0).contains(&plain_hz) && (2_500.0..4_500.0).contains(&plain_ms));
    for (pitch, formant, rate) in [
        (0.5, 0.82, 0.94),
        (0.6, 0.9, 1.0),
        (1.0, 0.8, 1.0),
        (1.0, 1.25, 1.0),
        (1.5, 1.1, 1.3),
        (2.0, 1.0, 1.0),
        (1.0, 1.0, 0.5),
        (1.0, 1.0, 2.0),
        (1.88, 1.18, 1.0),
    ] {
        let (hz, ms) = measure(pitch, formant, rate);
        let pitch_error = hz / plain_hz / f64::from(pitch) - 1.0;
        let rate_error = plain_ms / ms / f64::from(rate) - 1.0;
        let seen = format!("{pitch} {formant} {rate}: {hz:.0} Hz, {ms} ms");
        assert!(pitch_error.abs() < 0.05, "{seen}, pitch off by {pitch_error:.3}");
        assert!(rate_error.abs() < 0.06, "{seen}, rate off by {rate_error:.3}");
    }
}

/// The share of power above 2 kHz rises when the tract gets smaller at one pitch.
#[test]
fn a_smaller_tract_sounds_brighter() {
    let bench = Bench::new();
    let brightness = |formant| {
        let voice = voice(ScratchSynthesiser::Pico, 1.0, formant, 1.0);
        let request = Request { voice, ..as_request(0, "Alma and Maria row along the moor.") };
        common::crossings_per_s(&bench.speak_one(request).unwrap())
    };
    let (large, plain, small) = (brightness(0.82), brightness(1.0), brightness(1.2));
    assert!(large * 1.08 < plain && plain * 1.08 < small, "{large} {plain} {small}");
}

#[test]
fn a_pause_is_silence_of_its_length_at_its_place() {
    let bench = Bench::new();
    let text = "I thought you knew.";
    let paused = |ms| {
        let pauses = vec![Pause { at: 9, ms }];
        bench.speak_one(Request { pauses, ..as_request(0, text) }).unwrap()
    };
    let (short, long) = (paused(400), paused(1_400));
    assert_eq!(long.samples.len() - short.samples.len(), 16_000);
    let rest = common::longest_silence_ms(&long);
    assert!((1_400..1_480).contains(&rest), "{rest}");
}

#[test]
fn ten_thousand_characters_are_spoken_to_the_end() {
    let bench = Bench::new();
    let sentence = "The ferry leaves at midnight, and nobody knows who is on board. ";
    let one = bench.speak_one(as_request(0, sentence)).unwrap().samples.len();
    let times = 10_000 / sentence.len();
    let all = bench.speak_one(as_request(0, &sentence.repeat(times))).unwrap().samples.len();
    assert!(all.abs_diff(one * times) < one * times / 20, "{all} samples, {one} for one");
}

#[test]
fn script_text_never_commands_the_synthesiser() {
    let bench = Bench::new();
    let plain = bench.speak_one(as_request(0, "volume level=\"0\" Stop! /volume")).unwrap();
    let given = "<volume level=\"0\">Stop!</volume>";
    assert!(bench.speak_one(as_request(0, given)).unwrap() == plain);
    let file = "<play file=\"/etc/hostname\"/><ignore>Stop!</ignore><usesig file=\"x\">";
    assert!(bench.speak_one(as_request(0, file)).is_ok());
}

#[test]
fn every_promised_language_is_spoken_and_others_are_refused_in_a_sentence() {
    let bench = Bench::new();
    for (language, text) in [
        ("en", "Good evening."),
        ("en-GB", "Good evening."),
        ("de-AT", "Schöne Grüße an Herrn Weiß, 25 %."),
        ("fr", "Où êtes-vous, garçon ?"),
        ("es-MX", "¿Dónde está el niño?"),
        ("it-IT", "Perché non è già qui?"),
    ] {
        let request = Request { language: language.to_owned(), ..as_request(0, text) };
        let samples = bench.speak_one(request).unwrap();
        let ms = spoken_ms(&samples);
        assert!((500..6_000).contains(&ms), "{language}: {ms} ms");
        assert!(samples.samples.iter().all(|s| s.abs() < 0.9), "{language} clips");
    }
    let japanese = Request { language: "ja".to_owned(), ..as_request(0, "日本語") };
    let Err(LineError::Voice(why)) = bench.speak_one(japanese) else { panic!("spoken") };
    assert!(why.starts_with("Pico speaks English, German"), "{why}");
}

#[test]
fn what_cannot_be_spoken_is_refused_with_the_reason() {
    let bench = Bench::new();
    for text in ["…", "?!", "日本語", "😀 — 😀"] {
        let refused = bench.speak_one(as_request(0, text));
        let why =
            format!("nothing in `{text}` can be spoken in `en-US`; reword it or leave it out");
        assert_eq!(refused, Err(LineError::Text(why)));
    }
}

#[test]
fn the_lowest_voices_do_not_clip() {
    let bench = Bench::new();
    for language in ["en-US", "en-GB", "de", "fr", "es", "it"] {
        let voice = voice(ScratchSynthesiser::Pico, 0.5, 1.0, 1.0);
        let text = "Maria, banana, hotel, radio! Alma? A B C 1 2 3 4.";
        let language = language.to_owned();
        let samples = bench.speak_one(Request { voice, language, ..as_request(0, text) }).unwrap();
        let peak = samples.samples.iter().fold(0.0_f32, |peak, s| peak.max(s.abs()));
        assert!((0.05..0.97).contains(&peak), "{peak}");
    }
}

#[test]
fn a_cancelled_line_is_gone_and_its_seat_is_free() {
    let bench = Bench::new();
    let mut speaker = bench.open(1);
    speaker.admit(as_request(0, &"On and on and on it goes. ".repeat(50)));
    assert!(speaker.turn().unwrap().is_empty());
    assert_eq!(speaker.free_slots(), 0);
    speaker.cancel(0);
    assert_eq!(speaker.free_slots(), 1);
    assert!(speaker.is_idle());
}

#[test]
fn a_folder_that_was_tidied_up_is_filled_again() {
    let bench = Bench::new();
    let mut speaker = bench.open(1);
    let spoken = common::run(&mut *speaker, vec![as_request(0, "Ay.")]);
    std::fs::remove_dir_all(bench.folder()).unwrap();
    assert!(common::run(&mut *speaker, vec![as_request(0, "Ay.")]) == spoken);
    let counts = speaker.prompt_counts();
    assert_eq!((counts.hits, counts.misses, counts.evictions), (1, 1, 0));
}

#[test]
fn a_folder_that_cannot_be_written_fails_the_line_and_says_so() {
    let bench = Bench::new();
    std::fs::write(bench.folder().join("file"), "").unwrap();
    let refused = bench.in_folder("file").speak_one(as_request(0, "Ay."));
    let Err(LineError::Failed(why)) = refused else { panic!("{refused:?}") };
    assert!(why.starts_with("cannot write Pico's voices to "), "{why}");
}
