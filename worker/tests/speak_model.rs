//! `tableread-worker speak --model`, on tiny releases.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use safetensors::SafeTensors;
use serde_json::{Value, json};

/// Requests, and what they are spoken with.
struct Job {
    folder: tempfile::TempDir,
    release: &'static str,
}

impl Job {
    fn new(release: &'static str, requests: &[Value]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let lines: Vec<_> = requests.iter().map(Value::to_string).collect();
        std::fs::write(folder.path().join("requests.jsonl"), lines.join("\n")).unwrap();
        Self { folder, release }
    }

    fn speak(&self, out: &str, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_tableread-worker"))
            .args(["speak", "--device", "cpu", "--model"])
            .arg(fixtures::path(&format!("reference/{}", self.release)))
            .arg("--requests")
            .arg(self.folder.path().join("requests.jsonl"))
            .arg("--out")
            .arg(self.out(out))
            .args(arguments)
            .output()
            .unwrap()
    }

    fn out(&self, out: &str) -> PathBuf {
        self.folder.path().join(out)
    }
}

fn codes(path: &Path) -> Vec<Vec<u16>> {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// The codes that the reference has for a case.
fn reference_codes(release: &str, case: &str) -> Vec<Vec<u16>> {
    let path = fixtures::path(&format!("reference/{release}.goldens.safetensors"));
    let bytes = std::fs::read(path).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let tensor = tensors.tensor(&format!("{case}/codes")).unwrap();
    let code = |bytes: &[u8]| u16::try_from(i64::from_le_bytes(bytes.try_into().unwrap())).unwrap();
    let codes: Vec<_> = tensor.data().chunks_exact(8).map(code).collect();
    codes.chunks(tensor.shape()[1]).map(<[u16]>::to_vec).collect()
}

/// The parameters of a case, as a request asks for them.
fn request(release: &str, case: &str) -> Value {
    let goldens = fixtures::text(&format!("reference/{release}.goldens.json"));
    let goldens: Value = serde_json::from_str(&goldens).unwrap();
    let mut request = goldens["cases"][case]["params"].clone();
    let fields = request.as_object_mut().unwrap();
    fields.remove("do_sample");
    fields.remove("subtalker_dosample");
    if let Some(is_whole) = fields.remove("non_streaming_mode") {
        fields.insert("non_streaming".to_owned(), is_whole);
    }
    fields.insert("id".to_owned(), json!(case));
    request
}

/// Cases of a release that were spoken greedily and alone.
fn greedy_cases(release: &str) -> Vec<String> {
    let goldens = fixtures::text(&format!("reference/{release}.goldens.json"));
    let goldens: Value = serde_json::from_str(&goldens).unwrap();
    let cases = goldens["cases"].as_object().unwrap().iter();
    let greedy = cases.filter(|(_, case)| case["params"]["do_sample"] == false);
    greedy.map(|(name, _)| name.clone()).collect()
}

#[test]
fn requests_become_the_references_codes_and_as_much_audio() {
    const RELEASE: &str = "s1/custom_voice-1b7";
    let cases = greedy_cases(RELEASE);
    let requests: Vec<_> = cases.iter().map(|case| request(RELEASE, case)).collect();
    let job = Job::new(RELEASE, &requests);
    let output = job.speak("takes", &["--greedy", "--slots", "3", "--json"]);
    assert!(output.status.success(), "{output:?}");
    for case in &cases {
        let spoken = codes(&job.out("takes").join(format!("{case}.codes.json")));
        assert_eq!(spoken, reference_codes(RELEASE, case), "{case}");
        let wav = std::fs::read(job.out("takes").join(format!("{case}.wav"))).unwrap();
        let pcm = audio::read_wav(&wav).unwrap();
        assert_eq!((pcm.rate_hz, pcm.samples.len()), (24_000, spoken.len() * 1920), "{case}");
    }
    let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(summary["lines"].as_array().unwrap().len(), cases.len());
    assert_eq!(summary["slots"], 3);
    let occupancy = summary["occupancy"].as_f64().unwrap();
    assert!(occupancy > 0.0 && occupancy <= 1.0, "{occupancy}");
}

/// A line in the voice of a shipped recording, which is of another sample rate than the model's.
fn cloned(id: &str, seed: u64) -> Value {
    json!({
        "id": id, "text": "Who's there?", "language": "en", "seed": seed, "max_new_tokens": 24,
        "ref_audio": fixtures::path("casts/voices/anna-neutral.wav"),
        "ref_text": "The tide does not care what day it is, and neither do I.",
    })
}

#[test]
fn a_drawn_line_is_the_same_in_any_number_of_seats_and_another_with_another_seed() {
    let job = Job::new("s1/base-0b6", &[cloned("a", 7), cloned("b", 7), cloned("c", 8)]);
    for (out, slots) in [("one", "1"), ("three", "3")] {
        let output = job.speak(out, &["--slots", slots]);
        assert!(output.status.success(), "{output:?}");
        let table = String::from_utf8(output.stdout).unwrap();
        assert_eq!(table.lines().count(), 4, "{table}");
    }
    let file = |out: &str, name: &str| std::fs::read(job.out(out).join(name)).unwrap();
    for name in ["a.wav", "b.wav", "c.wav", "a.codes.json"] {
        assert!(file("one", name) == file("three", name), "{name}");
    }
    assert_eq!(file("one", "a.wav"), file("one", "b.wav"));
    assert_ne!(file("one", "a.codes.json"), file("one", "c.codes.json"));
}

#[test]
fn a_bad_request_costs_one_line_and_is_told_by_the_exit_code() {
    let mut lost = cloned("lost", 7);
    lost["ref_audio"] = json!("nowhere.wav");
    let requests =
        [lost, json!({"id": "../up", "text": "t"}), json!({"text": "t"}), cloned("good", 7)];
    let job = Job::new("s1/base-0b6", &requests);
    let output = job.speak("takes", &["--json"]);
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
    for (place, id, reason) in [
        (0, "lost", "nowhere.wav cannot be read"),
        (1, "line 2", "is not a usable id"),
        (2, "line 3", "missing field `id`"),
    ] {
        let line = &summary["lines"][place];
        assert_eq!(line["id"], id);
        assert!(line["error"].as_str().unwrap().contains(reason), "{line}");
    }
    assert!(summary["lines"][3]["error"].is_null());
    let mut written: Vec<_> = std::fs::read_dir(job.out("takes"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    written.sort();
    assert_eq!(written, ["good.codes.json", "good.wav"]);
}

#[test]
fn a_folder_that_is_no_release_is_told_by_the_file_that_is_missing() {
    let job = Job::new("s1", &[json!({"id": "a", "text": "t"})]);
    let output = job.speak("takes", &[]);
    assert_eq!(output.status.code(), Some(1));
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(message.contains("config.json"), "{message}");
}
