//! From a description to a voice that is locked, cast and heard in two episodes.

use std::process::{Child, Command};

use schemas::{LineOutcome, Manifest, VoiceKey};

use crate::common::{Folder, expect, stderr, stdout};
use crate::releases::releases;

const BASE: &str = "qwen3-tts-12hz-0.6b-base";

impl Folder {
    /// `tableread` as a user without anything in the environment or the caches has it; arguments may
    /// hold spaces.
    fn voices(&self, args: &[&str]) -> Command {
        let mut command = self.tableread("voices");
        command.args(args).args(["--out", "out"]);
        self.alone(command, "cache")
    }

    fn alone(&self, mut command: Command, cache: &str) -> Command {
        command.env("TABLEREAD_CACHE_DIR", self.path(cache)).env("TABLEREAD_DEVICE", "cpu");
        command.env_remove("TABLEREAD_MODELS");
        command
    }
}

fn json(output: &std::process::Output) -> serde_json::Value {
    serde_json::from_str(&stdout(output)).unwrap()
}

#[test]
fn a_voice_is_designed_heard_chosen_and_locked_without_any_weights() {
    let folder = Folder::new();
    let design =
        ["design", "mira", "--design-model", "scratch", "--text", "Who is there?", "--json"];
    let designed = json(&expect(0, &mut folder.voices(&design)));
    let numbers = |designed: &serde_json::Value| -> Vec<u64> {
        let all = designed["candidates"].as_array().unwrap().iter();
        all.map(|candidate| candidate["number"].as_u64().unwrap()).collect()
    };
    assert_eq!(numbers(&designed), [1, 2, 3]);
    let again =
        json(&expect(0, &mut folder.voices(&[&design[..], &["--candidates", "1"]].concat())));
    assert_eq!(numbers(&again), [4], "asking again adds");

    expect(0, &mut folder.voices(&["audition", "mira"]));
    let page = std::fs::read_to_string(folder.path("out/voices/mira.html")).unwrap();
    assert_eq!(page.matches("<audio").count(), 4);
    assert!(page.contains("Who is there?") && !page.contains("://"), "self-contained");

    let told = stderr(&expect(1, &mut folder.voices(&["lock", "mira"])));
    assert!(told.contains("voices choose mira"), "{told}");
    let told = stderr(&expect(1, &mut folder.voices(&["choose", "mira", "9"])));
    assert!(told.contains("it has 1, 2, 3, 4"), "{told}");
    expect(0, &mut folder.voices(&["choose", "mira", "2"]));
    let lock = json(&expect(0, &mut folder.voices(&["lock", "mira", "--json"])));
    assert_eq!(
        (&lock["version"], &lock["voice"]["consent"]["kind"]),
        (&1.into(), &"synthetic".into())
    );
    let moods =
        ["lock", "mira", "--mood", "whisper=4", "--rule", "under her breath=whisper", "--json"];
    let lock = json(&expect(0, &mut folder.voices(&moods)));
    assert_eq!(lock["version"], 2);
    assert_eq!(lock["voice"]["takes"].as_array().unwrap().len(), 2);
    let told = stdout(&expect(0, &mut folder.voices(&["lock", "mira"])));
    assert!(told.contains("mira 1 was locked already"), "{told}");
    // What was only for the audition does not stay in the queue.
    let status = stdout(&expect(0, &mut folder.tableread("status --out out --json")));
    assert!(!status.contains("voice-mira"), "{status}");
}

const CAST: &str = "
[voices.mira]
lock = { voice = \"mira\", moods = { \"under her breath\" = \"whisper\" } }

[characters.MIRA]
voice = \"mira\"
";

const PILOT: &str = "INT. LIGHTHOUSE - NIGHT

MIRA
Who is there?

MIRA
(under her breath)
Nay, answer me.
";

const NEXT_SEASON: &str = "INT. HARBOUR - DAY

MIRA
It is he.
";

/// Runs an episode through two workers that share nothing but queue and store.
fn on_two_workers(folder: &Folder, episode: &str, script: &str) -> Manifest {
    std::fs::write(folder.path(&format!("{episode}.fountain")), script).unwrap();
    let enqueue = format!("enqueue {episode}.fountain --cast cast.toml --models models --out out");
    expect(0, &mut folder.alone(folder.tableread(&enqueue), "cache"));
    let run = "run --out out --until-empty --slots 1 --models models";
    let workers: Vec<Child> = ["one", "two"]
        .map(|name| {
            let cache = format!("{episode}-{name}");
            folder.alone(folder.worker(run), &cache).spawn().expect("the worker starts")
        })
        .into();
    for mut worker in workers {
        assert!(worker.wait().unwrap().success());
    }
    let export = format!("export {episode} --out out --json");
    let mut export = folder.alone(folder.tableread(&export), "cache");
    // Weights that were made up may speak a line without end: that is this line's failure.
    let exported = export.output().unwrap();
    assert!(matches!(exported.status.code(), Some(0 | 3)), "{}", stderr(&exported));
    let json = folder.path("out").join("manifest.json");
    let json = if episode == "pilot" {
        json
    } else {
        folder.path("out/episodes").join(episode).join("manifest.json")
    };
    serde_json::from_slice(&std::fs::read(json).unwrap()).unwrap()
}

fn heard_in(manifest: &Manifest) -> Vec<VoiceKey> {
    manifest.lines.iter().map(|line| line.voice.clone()).collect()
}

#[test]
fn a_designed_voice_is_locked_for_a_model_and_is_the_same_next_season() {
    let folder = Folder::new();
    releases(&folder.path("models"), &["base-0b6", "voice_design-1b7"]);
    let model = ["--models", "models"];
    let design = [
        "design",
        "mira",
        "--describe",
        "Low and close.",
        "--text",
        "Who is there?",
        "--candidates",
        "4",
        "--json",
    ];
    let designed = folder.voices(&[&design[..], &model].concat()).output().unwrap();
    assert!(matches!(designed.status.code(), Some(0 | 3)), "{}", stderr(&designed));
    let designed = json(&designed);
    let spoken = designed["candidates"].as_array().unwrap();
    assert!(spoken.len() >= 2, "{designed}");
    let numbers: Vec<String> = spoken.iter().map(|one| one["number"].to_string()).collect();

    let told = expect(0, &mut folder.voices(&[&["audition", "mira"], &model[..]].concat()));
    assert!(!stderr(&told).contains("no base model"));
    let whisper = format!("whisper={}", numbers[1]);
    expect(0, &mut folder.voices(&["choose", "mira", &numbers[0]]));
    let lock = ["lock", "mira", "--mood", &whisper, "--clone-model", BASE, "--json"];
    let lock = json(&expect(0, &mut folder.voices(&[&lock[..], &model].concat())));
    let made = &lock["voice"]["models"][BASE];
    assert_eq!(made["prompts"].as_array().unwrap().len(), 2, "{made}");
    let shared = folder.objects("out", "prompts");
    assert_eq!(shared.len(), 2, "workers find both takes ready");

    std::fs::write(folder.path("cast.toml"), CAST).unwrap();
    let pilot = on_two_workers(&folder, "pilot", PILOT);
    let next = on_two_workers(&folder, "next", NEXT_SEASON);
    let (first, second) = (heard_in(&pilot), heard_in(&next));
    assert_ne!(first[0], first[1], "the direction chose the whisper");
    assert_eq!(first[0], second[0], "the same actor");
    assert_eq!(folder.objects("out", "prompts"), shared, "no worker made the voice anew");
    for line in pilot.lines.iter().chain(&next.lines) {
        if let LineOutcome::Delivered { take, .. } = &line.outcome {
            assert!(take.likeness.is_some_and(|likeness| likeness.abs() <= 1.0), "{take:?}");
            assert!(take.engine.starts_with(BASE), "{}", take.engine);
        }
    }
    let warm = json(&expect(0, &mut folder.voices(&["warm", "next", "--json"])));
    assert_eq!((&warm["voice"], &warm["now"]), (&"mira".into(), &"ready".into()));
}

#[test]
fn a_lock_that_is_not_there_is_told_with_its_place_in_the_cast() {
    let folder = Folder::new();
    std::fs::write(folder.path("cast.toml"), CAST).unwrap();
    std::fs::write(folder.path("pilot.fountain"), PILOT).unwrap();
    let plan = "plan pilot.fountain --cast cast.toml --out out";
    let told = stderr(&expect(1, &mut folder.tableread(plan)));
    assert!(told.contains("cast.toml:3:") && told.contains("there are none yet"), "{told}");
}
