//! Casts of preset, cloned and designed voices, spoken by tiny releases.

use std::collections::BTreeSet;
use std::process::Command;

use schemas::{LineOutcome, Manifest};

use crate::common::{Folder, expect, stderr, stdout};
use crate::releases::releases;

/// Every kind of voice, over three releases.
const CAST: &str = r#"
[voices.ryan]
preset = { model = "qwen3-tts-12hz-1.7b-customvoice", speaker = "ryan", instruct = "warmly" }

[voices.anna]
clone = { model = "qwen3-tts-12hz-0.6b-base", takes = [
    { mood = "neutral", audio = "anna-neutral.wav", transcript = "The tide does not care what day it is, and neither do I." },
], consent = "granted: synthetic voice made for this repository; no person speaks in it" }

[voices.echo]
clone = { model = "qwen3-tts-12hz-0.6b-base", takes = [
    { mood = "neutral", audio = "anna-shout.wav" },
], consent = "granted: synthetic voice made for this repository; no person speaks in it" }

[voices.storm]
design = { model = "qwen3-tts-12hz-1.7b-voicedesign", describe = "Low and close, like weather." }

[characters.RYAN]
voice = "ryan"
[characters.ANNA]
voice = "anna"
[characters.ECHO]
voice = "echo"
[characters.STORM]
voice = "storm"
[characters.KEEPER]
"#;

const SCRIPT: &str = "INT. LIGHTHOUSE - NIGHT

RYAN
Who's there?

ANNA
Nay, answer me.

ECHO
Answer me!

STORM
Stand and unfold yourself.

KEEPER
Long live the king.

RYAN
He.

ANNA
You come most carefully upon your hour.
";

fn with_models() -> Folder {
    let folder = Folder::new();
    releases(&folder.path("models"), &["base-0b6", "custom_voice-1b7", "voice_design-1b7"]);
    std::fs::write(folder.path("cast.toml"), CAST).unwrap();
    std::fs::write(folder.path("hour.fountain"), SCRIPT).unwrap();
    for take in ["anna-neutral.wav", "anna-shout.wav"] {
        let from = fixtures::path(&format!("casts/voices/{take}"));
        std::fs::copy(from, folder.path(take)).unwrap();
    }
    folder
}

impl Folder {
    /// `tableread` as a user without anything in the environment or the caches has it.
    fn fresh(&self, args: &str) -> Command {
        self.clean(self.tableread(args))
    }

    fn fresh_worker(&self, args: &str) -> Command {
        self.clean(self.worker(args))
    }

    fn clean(&self, mut command: Command) -> Command {
        command.env("TABLEREAD_CACHE_DIR", self.path("cache")).env("TABLEREAD_DEVICE", "cpu");
        command.env_remove("TABLEREAD_MODELS");
        command
    }
}

const RENDER: &str = "render hour.fountain --cast cast.toml --models models --out out";

fn engines(manifest: &Manifest) -> BTreeSet<String> {
    let takes = manifest.lines.iter().filter_map(|line| match &line.outcome {
        LineOutcome::Delivered { take, .. } => Some(take.engine.clone()),
        LineOutcome::Failed { .. } | LineOutcome::Pending { .. } => None,
    });
    takes.collect()
}

#[test]
fn models_speak_an_episode_and_an_edit_speaks_one_line() {
    let folder = with_models();
    let told = stdout(&expect(0, &mut folder.fresh(RENDER)));
    let manifest = folder.manifest("out");
    assert_eq!((manifest.totals.lines, manifest.totals.delivered), (7, 7), "{told}");
    let engines = engines(&manifest);
    let of = |start: &str| engines.iter().filter(|engine| engine.starts_with(start)).count();
    let starts = ["qwen3-tts-12hz-0.6b-base/", "qwen3-tts-12hz-1.7b-", "scratch/"];
    assert_eq!(starts.map(of), [1, 2, 1], "{engines:?}");
    assert_eq!(folder.objects("out", "recordings").len(), 2);
    assert!(folder.path("out/episode.m4a").is_file());

    let takes = folder.objects("out", "takes");
    let told = stderr(&expect(0, &mut folder.fresh(RENDER)));
    assert!(told.contains("0 changed, 0 new, 0 removed, 7 reused"), "{told}");
    assert_eq!(folder.objects("out", "takes"), takes);

    std::fs::write(folder.path("hour.fountain"), SCRIPT.replace("He.", "It is he.")).unwrap();
    let told = stderr(&expect(0, &mut folder.fresh(RENDER)));
    assert!(told.contains("6 reused"), "{told}");
    let now = folder.objects("out", "takes");
    // Samples and what is known of them.
    assert_eq!(now.len(), takes.len() + 2);
    assert!(takes.iter().all(|(path, hash)| now.get(path) == Some(hash)), "old takes are kept");
}

#[test]
fn two_workers_with_models_give_the_same_bytes_as_one_process() {
    let folder = with_models();
    expect(0, &mut folder.fresh(RENDER));
    let enqueue = "enqueue hour.fountain --cast cast.toml --models models --out farm --shares 3";
    expect(0, &mut folder.fresh(enqueue));
    let run = "run --out farm --until-empty --slots 1 --models models";
    let workers: Vec<_> =
        (0..2).map(|_| folder.fresh_worker(run).spawn().expect("the worker starts")).collect();
    for mut worker in workers {
        assert!(worker.wait().unwrap().success());
    }
    let id = folder.manifest("out").episode;
    expect(0, &mut folder.fresh(&format!("export {id} --out farm")));
    for kind in ["takes", "masters", "deliveries"] {
        let only_audio = |out: &str| {
            let objects = folder.objects(out, kind).into_iter();
            let audio = objects.filter(|(path, _)| path.extension().unwrap() != "json");
            audio.collect::<Vec<_>>()
        };
        assert_eq!(only_audio("farm"), only_audio("out"), "{kind}");
    }
}

#[test]
fn a_model_that_is_nowhere_is_told_with_who_needs_it_and_how_to_get_it() {
    let folder = with_models();
    std::fs::remove_dir_all(folder.path("models/base-0b6")).unwrap();
    let told = stderr(&expect(1, &mut folder.fresh(RENDER)));
    for part in
        ["0.6b-base (voices `anna`, `echo`)", "looked in models", "--model", "fetch", "--scratch"]
    {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert!(!told.contains("customvoice (voice"), "{told}");
    expect(0, &mut folder.fresh(&format!("{RENDER} --scratch")));

    let farm = "--cast cast.toml --out farm";
    let told = stderr(&expect(1, &mut folder.fresh(&format!("enqueue hour.fountain {farm}"))));
    for part in ["no engine is known", "0.6b-base", "1.7b-voicedesign", "--engine"] {
        assert!(told.contains(part), "{part}: {told}");
    }
    let told = stdout(&expect(0, &mut folder.fresh(&format!("plan hour.fountain {farm}"))));
    assert!(told.contains("not known which engine speaks qwen3-tts-12hz-0.6b-base"), "{told}");
    let named: String = ["0.6b-base", "1.7b-customvoice", "1.7b-voicedesign"]
        .map(|model| format!(" --engine qwen3-tts-12hz-{model}=qwen3-tts-12hz-{model}/9/x"))
        .concat();
    expect(0, &mut folder.fresh(&format!("enqueue hour.fountain {farm}{named}")));
}
