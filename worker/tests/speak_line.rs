//! `tableread-worker speak TEXT --model` and `fetch`, as they are typed.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

fn worker(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tableread-worker"));
    for variable in ["TABLEREAD_MODELS", "TABLEREAD_DEVICE", "HF_ENDPOINT", "HF_TOKEN"] {
        command.env_remove(variable);
    }
    command.args(arguments).output().unwrap()
}

/// Has a line spoken by a tiny release, which never ends one by itself.
fn speak(release: &str, out: &Path, arguments: &[&str]) -> Output {
    let release = fixtures::path(&format!("reference/{release}"));
    let fixed = ["speak", "Who's there?", "--device", "cpu", "--max-new-tokens", "24"];
    let release = ["--model", release.to_str().unwrap(), "--out", out.to_str().unwrap()];
    worker(&[&fixed[..], &release, arguments].concat())
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn a_line_is_spoken_in_each_way_that_a_model_can() {
    let folder = tempfile::tempdir().unwrap();
    let anna = fixtures::path("casts/voices/anna-neutral.wav");
    let anna = anna.to_str().unwrap();
    for (release, voice) in [
        ("s1/custom_voice-1b7", &["--speaker", "Ryan", "--instruct", "whispering"][..]),
        ("s1/base-0b6", &["--ref-audio", anna]),
        ("s1/base-0b6", &["--ref-audio", anna, "--ref-text", "The tide does not care."]),
        ("s1/voice_design-1b7", &["--describe", "an old man by the sea"]),
    ] {
        let out = folder.path().join("who.wav");
        let output = speak(release, &out, &[voice, &["--json", "--seed", "5"]].concat());
        assert!(output.status.success(), "{release} {voice:?}: {output:?}");
        let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
        let frames = usize::try_from(summary["frames"].as_u64().unwrap()).unwrap();
        assert!((1..24).contains(&frames), "{summary}");
        let pcm = audio::read_wav(&std::fs::read(&out).unwrap()).unwrap();
        assert_eq!(pcm.rate_hz, 24_000);
        // Behind a recording the reference now and then gives a sample more.
        assert!(pcm.samples.len().abs_diff(frames * 1920) <= 1, "{release} {voice:?}");
        std::fs::remove_file(&out).unwrap();
    }
}

#[test]
fn the_same_seed_is_the_same_take_and_another_is_another() {
    let folder = tempfile::tempdir().unwrap();
    let take = |seed: &str| {
        let out = folder.path().join("take.wav");
        let output = speak("s1/custom_voice-0b6", &out, &["--speaker", "serena", "--seed", seed]);
        assert!(output.status.success(), "{output:?}");
        std::fs::read(&out).unwrap()
    };
    assert!(take("1") == take("1"));
    assert!(take("1") != take("2"));
}

#[test]
fn what_a_model_cannot_do_is_told_with_what_it_can() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("who.wav");
    for (release, voice, reason) in [
        (
            "s1/custom_voice-1b7",
            &["--speaker", "nobody"][..],
            "the model has no speaker `nobody`; it has",
        ),
        ("s1/custom_voice-1b7", &[], "say who speaks with --speaker; it has"),
        ("s1/custom_voice-1b7", &["--describe", "low"], "say who speaks with --speaker; it has"),
        ("s1/base-0b6", &["--speaker", "ryan"], "give one with --ref-audio FILE"),
        ("s1/base-0b6", &["--ref-audio", "nowhere.wav"], "nowhere.wav cannot be read"),
        ("s1/voice_design-1b7", &[], "give them with --describe"),
    ] {
        let output = speak(release, &out, voice);
        assert_eq!(output.status.code(), Some(1), "{release} {voice:?}");
        let message = stderr(&output);
        assert!(message.contains(reason), "{message}, not {reason}");
        assert!(!out.exists());
    }
}

#[test]
fn a_model_goes_by_its_folder_or_by_its_name_among_models() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("who.wav");
    let out = out.to_str().unwrap();
    let models = fixtures::path("reference/s1");
    let by_name = |name: &str| {
        let line = ["speak", "No.", "--device", "cpu", "--max-new-tokens", "9", "--out", out];
        let model = ["--models", models.to_str().unwrap(), "--model", name, "--speaker", "ryan"];
        worker(&[&line[..], &model].concat())
    };
    let output = by_name("Qwen/Qwen3-TTS-12Hz-0.6B-CustomVoice");
    assert!(output.status.success(), "{output:?}");
    let message = stderr(&by_name("qwen3-tts-12hz-9b-base"));
    assert!(
        message.contains("the model qwen3-tts-12hz-9b-base is not here: looked in"),
        "{message}"
    );
    assert!(message.contains("tableread-worker fetch"), "{message}");
}

#[test]
fn what_cannot_be_fetched_is_told_in_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let models = folder.path().to_str().unwrap();
    // A port that was free a moment ago: nobody answers there.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let dead = format!("http://{free}");
    for (name, endpoint, reason) in [
        (
            "base",
            dead.as_str(),
            "there is no model called `base`; give OWNER/NAME or one of qwen3-",
        ),
        ("qwen3-tts-12hz-0.6b-base", "http://hub.example", "is no address to fetch from"),
        ("qwen3-tts-12hz-0.6b-base", &dead, "cannot be reached; try again"),
    ] {
        let output = worker(&["fetch", name, "--models", models, "--endpoint", endpoint]);
        assert_eq!(output.status.code(), Some(1));
        let message = stderr(&output);
        assert!(message.contains(reason), "{message}, not {reason}");
    }
    let output = worker(&["fetch", "qwen3-tts-12hz-0.6b-base"]);
    assert_eq!(output.status.code(), Some(2), "a folder has to be named");
}
