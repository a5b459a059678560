use std::fmt::Write as _;

use schemas::{Voice, VoiceSource};

use super::*;

const RATE_HZ: u32 = 24_000;

fn request(text: &str, pauses: &[(u32, u32)]) -> Request {
    let source = VoiceSource::Design { describe: "low".to_owned() };
    Request {
        tag: 3,
        text: text.to_owned(),
        pauses: pauses.iter().map(|&(at, ms)| Pause { at, ms }).collect(),
        language: "en".to_owned(),
        voice: Voice { name: "mira".to_owned(), model: "any".to_owned(), source },
        seed: 11,
    }
}

/// The parts' texts, with the silence before each but the first.
fn divided(text: &str, pauses: &[(u32, u32)]) -> String {
    let (passages, line) = divide(request(text, pauses));
    let mut told = String::new();
    for (passage, part) in passages.iter().zip(&line.parts) {
        if passage.place > 0 {
            write!(told, " <{}> ", part.pause_ms).unwrap();
        }
        told.push_str(&passage.request.text);
    }
    told
}

#[test]
fn a_line_is_divided_where_it_pauses_and_something_is_said_on_either_side() {
    for (text, pauses, expected) in [
        ("Wait. Now.", &[(6, 700)][..], "Wait. <700> Now."),
        ("I told you to leave.", &[(11, 700)], "I told you, <700> to leave."),
        ("Well— no", &[(7, 80)], "Well— <80> no"),
        ("Wait now", &[(5, 79)], "Wait now"),
        (" Wait ", &[], "Wait"),
        ("Wait now", &[(0, 500), (8, 500)], "Wait now"),
        ("... Wait. ... Now!", &[(4, 500), (10, 300), (14, 400)], "... Wait. ... <700> Now!"),
        ("Go.", &[(99, 500)], "Go."),
        ("One two three", &[(8, 200), (4, 300)], "One two, <500> three"),
        ("Größe", &[(3, 500)], "Gr, <500> öße"),
        ("Now or never", &[(4, u32::MAX), (7, u32::MAX)], "Now, <60000> or, <60000> never"),
        ("...", &[(1, 500)], "..."),
    ] {
        assert_eq!(divided(text, pauses), expected, "{text} {pauses:?}");
    }
}

#[test]
fn parts_have_the_lines_voice_and_seeds_of_their_own() {
    let (passages, _) = divide(request("No. No. No.", &[(4, 500), (8, 500)]));
    let seeds: Vec<_> = passages.iter().map(|passage| passage.request.seed).collect();
    assert_eq!(seeds[0], 11);
    assert!(seeds[1] != 11 && seeds[2] != 11 && seeds[1] != seeds[2], "{seeds:?}");
    assert!(passages.iter().all(|passage| passage.request.tag == 3));
    let (again, _) = divide(request("No. No. No.", &[(4, 500), (8, 500)]));
    assert!(again.iter().map(|passage| passage.request.seed).eq(seeds));
}

/// `lead` ms of silence, `sound` ms of a square wave, `tail` ms of silence.
fn said(lead: u32, sound: u32, tail: u32) -> Samples {
    let wave = (0..count_of(sound, RATE_HZ)).map(|n| if n / 50 % 2 == 0 { 0.4 } else { -0.4 });
    let mut samples = vec![0.0; count_of(lead, RATE_HZ)];
    samples.extend(wave);
    samples.resize(samples.len() + count_of(tail, RATE_HZ), 0.0);
    Samples { samples, rate_hz: RATE_HZ }
}

fn line(pauses_ms: &[u32]) -> Line {
    let part = |&pause_ms| Part { start: "Well".to_owned(), pause_ms, samples: None };
    Line { parts: pauses_ms.iter().map(part).collect(), failure: None }
}

#[test]
fn silence_between_parts_is_as_long_as_asked_for_to_the_sample() {
    let mut line = line(&[0, 700, 333]);
    line.take(1, Ok(said(5, 200, 600)));
    line.take(0, Ok(said(120, 300, 250)));
    assert!(!line.is_done());
    line.take(2, Ok(said(0, 100, 90)));
    assert!(line.is_done());
    let Samples { samples, rate_hz } = line.join().unwrap();
    assert_eq!(rate_hz, RATE_HZ);
    let ms = |ms| count_of(ms, RATE_HZ);
    // The take's ends are as they were; at the pauses 20 ms are kept beside windows of 10 ms that
    // have speech in them, or what there is.
    let expected = (120 + 300 + 20) + 700 + (5 + 200 + 25) + 333 + (100 + 90);
    assert_eq!(samples.len(), ms(expected));
    let loud: Vec<_> = (0..samples.len()).filter(|&at| samples[at].abs() > 0.39).collect();
    let gaps: Vec<_> =
        loud.windows(2).map(|pair| pair[1] - pair[0] - 1).filter(|&n| n > 0).collect();
    // The third part begins at once: its fade takes two milliseconds of its sound.
    let fade = ms(2) - ms(2) / 40;
    assert_eq!(gaps, [ms(20 + 700 + 5), ms(25 + 333) + fade]);
    let exact = |from_ms, length_ms| {
        let from = ms(from_ms);
        samples[from..from + ms(length_ms)].iter().all(|sample| *sample == 0.0)
    };
    assert!(exact(440, 700) && exact(440 + 700 + 230, 333));
    assert_eq!((loud[0], samples.len() - 1 - loud[loud.len() - 1]), (ms(120), ms(90)));
}

#[test]
fn a_line_of_one_part_is_not_touched() {
    let quiet = Samples { samples: vec![1e-5; 700], rate_hz: RATE_HZ };
    let (passages, mut line) = divide(request("Hush.", &[(0, 400)]));
    assert_eq!(passages.len(), 1);
    line.take(0, Ok(quiet.clone()));
    assert_eq!(line.join(), Ok(quiet));
}

#[test]
fn a_part_that_fails_or_is_silent_fails_the_line_with_its_reason() {
    let failed = |reason: &str| Err(LineError::Failed(reason.to_owned()));
    for order in [[1, 2], [2, 1]] {
        let mut line = line(&[0, 700, 700, 700]);
        for place in order {
            line.take(place, failed(&format!("part {place}")));
        }
        assert_eq!((line.wanted(), line.is_done()), (1, false));
        line.take(3, Ok(said(0, 100, 0)));
        line.take(0, Ok(said(0, 100, 0)));
        assert!(line.is_done());
        assert_eq!(line.join(), Err(LineError::Failed("part 1".to_owned())));
    }
    let mut line = line(&[0, 700]);
    line.take(0, Ok(said(0, 100, 0)));
    line.take(1, Ok(Samples { samples: vec![1e-4; 9_000], rate_hz: RATE_HZ }));
    assert_eq!(line.join(), Err(LineError::Text("`Well` came out silent; reword it".to_owned())));
}

#[test]
fn a_quiet_word_is_speech_and_the_noise_around_it_is_not() {
    let noise = |n: usize| (0..n).map(|at| if at % 2 == 0 { 3e-4 } else { -3e-4 });
    let mut samples: Vec<f32> = noise(2_400).collect();
    samples.extend(said(0, 100, 0).samples.iter().map(|sample| sample * 0.02));
    samples.extend(noise(4_800));
    assert_eq!(speech(&samples, 240), Some((2_400, 4_800)));
}
