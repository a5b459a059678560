//! `tableread-worker bench` and the device part of `doctor`, as commands.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::process::{Command, Output};

use serde_json::Value;

fn worker(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tableread-worker")).args(arguments).output().unwrap()
}

/// Measures the tiny release; each of its own lines would end before 60 frames.
fn bench(arguments: &[&str]) -> Output {
    let release = fixtures::path("reference/s1/custom_voice-0b6");
    let model = ["bench", "--device", "cpu", "--model", release.to_str().unwrap()];
    worker(&[&model, arguments].concat())
}

fn json(output: &Output) -> Value {
    let message = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {message}"))
}

#[test]
fn bench_speaks_as_many_frames_as_it_was_asked_for() {
    let output = bench(&["--batch", "1,3", "--frames", "70", "--codec", "--json"]);
    assert!(output.status.success(), "{output:?}");
    let report = json(&output);
    assert_eq!(report["machine"]["device"], "cpu");
    assert_eq!(report["model"]["name"], "qwen3-tts-12hz-0.6b-customvoice");
    assert_eq!(report["model"]["dtype"], "f32");
    assert_eq!(report["model"]["weights"], "native");
    assert_eq!(report["model"]["is_random"], false);
    assert_eq!(report["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(report["frames"], 70);
    let batches = report["batches"].as_array().unwrap();
    let lines: Vec<_> = batches.iter().map(|batch| batch["lines"].as_u64().unwrap()).collect();
    assert_eq!(lines, [1, 3]);
    for batch in batches {
        assert_eq!(batch["frames"].as_u64(), batch["lines"].as_u64().map(|lines| 70 * lines));
        for field in [
            "/prefill_ms",
            "/frame_ms",
            "/times_real_time",
            "/codec_ms",
            "/times_real_time_with_codec",
            "/parts/talker_ms",
            "/parts/predictor_ms",
            "/parts/sampling_ms",
        ] {
            let number = batch.pointer(field).and_then(Value::as_f64);
            assert!(number.is_some_and(|number| number > 0.0), "{field}: {batch}");
        }
    }
}

#[test]
fn bench_tells_people_in_a_table_and_how_far_it_is_on_standard_error() {
    let output = bench(&["--batch", "2", "--frames", "3", "--weights", "q8_0"]);
    assert!(output.status.success(), "{output:?}");
    let table = String::from_utf8(output.stdout).unwrap();
    let head = "qwen3-tts-12hz-0.6b-customvoice, f32 (q8_0), codec f32; cpu on ";
    assert!(table.starts_with(head), "{table}");
    assert!(table.contains("3 frames of 80 ms a line behind a prompt of 150 positions"), "{table}");
    assert!(String::from_utf8(output.stderr).unwrap().contains("2 lines at once"));
}

#[test]
fn bench_needs_a_model_or_a_size_to_make_up() {
    for wrong in [&["bench"][..], &["bench", "--size", "0.6B"], &["bench", "--random-weights"]] {
        assert_eq!(worker(wrong).status.code(), Some(2), "{wrong:?}");
    }
    let output = worker(&["bench", "--device", "cpu", "--model", "/nowhere"]);
    assert_eq!(output.status.code(), Some(1));
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(message.contains("/nowhere cannot be opened"), "{message}");
}

#[test]
fn doctor_proves_the_cpu_stage_by_stage() {
    let output = worker(&["doctor", "--device", "cpu", "--json"]);
    let report = json(&output);
    let checks = report["checks"].as_array().unwrap();
    let named = |name: &str| checks.iter().find(|check| check["name"] == name);
    for stage in [
        "tokenizer",
        "prompt embeddings",
        "talker, prompts",
        "talker, frames",
        "predictor",
        "sampling",
        "greedy codes",
        "three lines at once",
        "codec decoder",
        "mel spectrogram",
        "speaker embedding",
        "codec encoder",
    ] {
        let check = named(&format!("cpu {stage}")).unwrap_or_else(|| panic!("{stage}: {report}"));
        assert_eq!(check["state"], "ok", "{check}");
        assert!(check["largest"].as_f64() <= check["tolerance"].as_f64(), "{check}");
    }
    assert_eq!(named("device").unwrap()["state"], "ok");
}

#[test]
#[cfg(not(feature = "cuda"))]
fn a_device_that_is_not_there_is_refused_with_what_to_do() {
    let output = worker(&["doctor", "--device", "cuda", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let report = json(&output);
    let device =
        report["checks"].as_array().unwrap().iter().find(|check| check["name"] == "device");
    assert_eq!(device.unwrap()["state"], "failed");
    let detail = device.unwrap()["detail"].as_str().unwrap();
    assert!(detail.contains("without CUDA; build it with `--features cuda`"), "{detail}");
    let output = worker(&["bench", "--size", "0.6B", "--random-weights", "--device", "cuda"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("without CUDA"), "said nothing");
}
