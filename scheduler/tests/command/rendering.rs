//! `render`, `enqueue`, `export`, `status`: a screenplay becomes an episode, once.

use std::io::Read as _;
use std::path::Path;
use std::process::{Child, Stdio};

use crate::common::{Folder, expect, fixture, lighthouse, stderr, stdout};
use schemas::{LineOutcome, LineState, Manifest};
use serde_json::Value;

fn deliveries(manifest: &Manifest) -> Vec<(String, String)> {
    let delivered = manifest.lines.iter().filter_map(|line| match &line.outcome {
        LineOutcome::Delivered { delivery, .. } => {
            Some((line.id.to_string(), delivery.delivery_sha256.clone()))
        }
        LineOutcome::Failed { .. } | LineOutcome::Pending { .. } => None,
    });
    delivered.collect()
}

#[test]
fn a_screenplay_becomes_an_episode_to_play() {
    let folder = Folder::new();
    let output = expect(0, &mut folder.tableread(&format!("render {} --out out", lighthouse())));
    let told = stdout(&output);
    assert!(told.contains("OLD TAM") && told.contains("out/timeline.svg"), "{told}");

    let manifest = folder.manifest("out");
    assert_eq!((manifest.totals.lines, manifest.totals.delivered), (40, 40));
    for line in &manifest.lines {
        let LineOutcome::Delivered { delivery, .. } = &line.outcome else { panic!("{line:?}") };
        let file = std::fs::read(folder.path("out").join(line.file.as_ref().unwrap())).unwrap();
        let pcm = audio::decode_aac(&file).unwrap();
        assert_eq!(pcm.samples.len() as u64, delivery.samples, "{}", line.id);
    }
    let mix = audio::decode_aac(&std::fs::read(folder.path("out/episode.m4a")).unwrap()).unwrap();
    let mixed_ms = mix.samples.len() as u64 * 1_000 / u64::from(mix.rate_hz);
    assert!(mixed_ms > manifest.totals.audio_ms, "gaps come on top: {mixed_ms}");
    assert!(std::fs::read_to_string(folder.path("out/captions.vtt")).unwrap().contains("<v MIRA>"));
    assert!(std::fs::read_to_string(folder.path("out/timeline.svg")).unwrap().contains("</svg>"));
}

#[test]
fn voices_are_equally_loud_however_they_were_spoken() {
    let folder = Folder::rendered();
    let manifest = folder.manifest("out");
    let mut measured = 0;
    for line in manifest.lines.iter().filter(|line| line.character != "COASTGUARD") {
        let LineOutcome::Delivered { delivery, .. } = &line.outcome else { panic!("{line:?}") };
        // Lines under a second or two measure badly; the cast turns the coastguard down.
        if let Some(lufs) = delivery.lufs.filter(|_| delivery.duration_ms() > 2_000) {
            measured += 1;
            assert!((-24.0..=-16.0).contains(&lufs), "{}: {lufs} LUFS", line.id);
        }
        assert!(delivery.peak_dbfs <= -0.9, "{}: peak {} dBFS", line.id, delivery.peak_dbfs);
    }
    assert!(measured >= 10, "{measured} lines long enough");
}

#[test]
fn rendering_again_speaks_nothing() {
    let folder = Folder::rendered();
    let (takes, before) = (folder.objects("out", "takes"), folder.manifest("out"));
    let output = expect(0, &mut folder.tableread(&format!("render {} --out out", lighthouse())));
    let told = stderr(&output);
    assert!(told.contains("0 changed, 0 new, 0 removed, 40 reused"), "{told}");
    assert_eq!(folder.objects("out", "takes"), takes);
    assert_eq!(deliveries(&folder.manifest("out")), deliveries(&before));
}

#[test]
fn an_edit_speaks_only_what_changed_and_keeps_every_other_id() {
    let folder = Folder::new();
    let (v1, v2) =
        (fixture("screenplays/edits/v1.fountain"), fixture("screenplays/edits/v2.fountain"));
    expect(0, &mut folder.tableread(&format!("cast {v1} --to cast.toml")));
    let render =
        |script: &str| format!("render {script} --cast cast.toml --episode edited --out out");
    expect(0, &mut folder.tableread(&render(&v1)));
    let (takes, before) = (folder.objects("out", "takes"), folder.manifest("out"));
    let output = expect(0, &mut folder.tableread(&render(&v2)));
    let told = stderr(&output);
    let kept = before.lines.len() - 3 - 2;
    assert!(told.contains(&format!("3 changed, 1 new, 2 removed, {kept} reused")), "{told}");

    let now = folder.objects("out", "takes");
    assert!(takes.iter().all(|(path, hash)| now.get(path) == Some(hash)), "old takes are kept");
    let spoken = now.keys().filter(|path| !takes.contains_key(*path));
    assert_eq!(spoken.filter(|path| path.extension().unwrap() == "wav").count(), 4);

    let after = folder.manifest("out");
    let said: std::collections::BTreeMap<_, _> =
        before.lines.iter().map(|line| ((&line.character, &line.text), &line.id)).collect();
    let same = after
        .lines
        .iter()
        .filter_map(|line| Some((said.get(&(&line.character, &line.text))?, &line.id)));
    let same: Vec<_> = same.collect();
    assert!(same.len() >= kept - 2, "{} of {kept}", same.len());
    assert!(same.iter().all(|(before, now)| *before == now), "{same:?}");
    let files = std::fs::read_dir(folder.path("out/lines")).unwrap().count();
    assert_eq!(files, after.lines.len(), "files of removed lines are removed");
}

#[test]
fn another_bit_rate_masters_again_and_speaks_nothing() {
    let folder = Folder::rendered();
    let (takes, before) = (folder.objects("out", "takes"), folder.manifest("out"));
    expect(0, &mut folder.tableread(&format!("render {} --out out --bitrate 96", lighthouse())));
    assert_eq!(folder.objects("out", "takes"), takes);
    let (before, after) = (deliveries(&before), deliveries(&folder.manifest("out")));
    assert_eq!(after.len(), 40);
    assert!(before.iter().zip(&after).all(|(a, b)| a.0 == b.0 && a.1 != b.1));
}

#[test]
fn two_processes_give_the_same_bytes_as_one() {
    let folder = Folder::rendered();
    expect(0, &mut folder.tableread(&format!("enqueue {} --out two", lighthouse())));
    expect(0, &mut folder.worker("run --out two --until-empty"));
    expect(0, &mut folder.tableread("export the-keeper-of-gull-rock --out two"));
    assert_eq!(deliveries(&folder.manifest("out")), deliveries(&folder.manifest("two")));
    assert_eq!(
        folder.objects("out", "deliveries").len(),
        folder.objects("two", "deliveries").len()
    );
    let mix = |out: &str| std::fs::read(folder.path(out).join("episode.m4a")).unwrap();
    assert!(mix("out") == mix("two"), "the mixes differ");
}

#[test]
fn status_tells_the_same_to_people_and_programs() {
    let folder = Folder::new();
    expect(0, &mut folder.tableread(&format!("enqueue {} --out out", lighthouse())));
    let json = expect(0, &mut folder.tableread("status the-keeper-of-gull-rock --out out --json"));
    let status: Value = serde_json::from_str(&stdout(&json)).unwrap();
    assert_eq!(status["lines"]["waiting"], 40);
    assert_eq!(status["state"], "active");
    let text = stdout(&expect(0, &mut folder.tableread("status --out out")));
    assert!(text.contains("active") && text.contains("40"), "{text}");

    expect(0, &mut folder.tableread("pause the-keeper-of-gull-rock --out out"));
    expect(0, &mut folder.worker("run --out out --until-empty"));
    let paused = stdout(&expect(0, &mut folder.tableread("status --out out")));
    assert!(paused.contains("paused"), "{paused}");
    expect(0, &mut folder.tableread("cancel the-keeper-of-gull-rock --character MIRA --out out"));
    expect(0, &mut folder.tableread("resume the-keeper-of-gull-rock --out out"));
    expect(0, &mut folder.worker("run --out out --until-empty"));
    let json = expect(0, &mut folder.tableread("status the-keeper-of-gull-rock --out out --json"));
    let status: Value = serde_json::from_str(&stdout(&json)).unwrap();
    let (done, cancelled) = (&status["lines"]["done"], &status["lines"]["cancelled"]);
    assert!(cancelled.as_u64().unwrap() > 5, "{status}");
    assert_eq!(done.as_u64().unwrap() + cancelled.as_u64().unwrap(), 40);
}

#[test]
fn a_line_that_cannot_be_spoken_costs_itself_only() {
    let folder = Folder::new();
    let script =
        "INT. ROOM - DAY\n\nANNA\nGood morning.\n\nKENJI\nおはようございます。\n\nANNA\nIndeed.\n";
    std::fs::write(folder.path("a.fountain"), script).unwrap();
    let cast = "[characters.ANNA]\n[characters.KENJI]\n";
    std::fs::write(folder.path("cast.toml"), cast).unwrap();
    let render = "render a.fountain --cast cast.toml --out out";
    let told = stdout(&expect(3, &mut folder.tableread(render)));
    assert!(told.contains("failed") && told.contains("KENJI"), "{told}");
    let manifest = folder.manifest("out");
    assert_eq!((manifest.totals.delivered, manifest.totals.failed), (2, 1));
    let status = stdout(&expect(3, &mut folder.tableread("status a --out out")));
    assert!(status.contains("tableread retry a [--line"), "{status}");

    std::fs::write(folder.path("cast.toml"), format!("{cast}language = \"ja\"\n")).unwrap();
    let told = stderr(&expect(1, &mut folder.tableread(render)));
    assert!(told.contains("KENJI has 1 line in `ja`"), "known before anything is queued: {told}");
    std::fs::write(folder.path("cast.toml"), format!("{cast}language = \"de\"\n")).unwrap();
    std::fs::write(
        folder.path("a.fountain"),
        script.replace("おはようございます。", "Guten Morgen."),
    )
    .unwrap();
    expect(0, &mut folder.tableread(render));
    assert_eq!(folder.manifest("out").totals.delivered, 3);
}

/// Waits until a store below `out` holds at least `takes` takes, or the process has ended.
fn wait_for_takes(child: &mut Child, out: &Path, takes: usize) {
    let started = std::time::Instant::now();
    loop {
        let root = out.join(".tableread/store/takes");
        let folders = std::fs::read_dir(root).into_iter().flatten().flatten();
        let found = folders.flat_map(|f| std::fs::read_dir(f.path()).into_iter().flatten()).count();
        if found >= takes || child.try_wait().unwrap().is_some() {
            return;
        }
        assert!(started.elapsed().as_secs() < 120, "nothing is rendered");
        std::thread::yield_now();
    }
}

#[cfg(unix)]
#[test]
fn killed_at_any_moment_nothing_is_lost_and_nothing_spoken_twice_differently() {
    let folder = Folder::rendered();
    let render = format!("render {} --out killed", lighthouse());
    for takes in [1, 24, 70] {
        let mut child =
            folder.tableread(&render).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        wait_for_takes(&mut child, &folder.path("killed"), takes);
        child.kill().unwrap();
        child.wait().unwrap();
    }
    expect(0, &mut folder.tableread(&render));
    assert_eq!(deliveries(&folder.manifest("killed")), deliveries(&folder.manifest("out")));
    let samples = |out: &str| {
        let takes = folder.objects(out, "takes").into_iter();
        takes.filter(|(path, _)| path.extension().unwrap() == "wav").collect::<Vec<_>>()
    };
    assert_eq!(samples("killed"), samples("out"));
}

#[cfg(unix)]
#[test]
fn interrupted_once_it_says_how_to_go_on() {
    let folder = Folder::new();
    let script = fixture("screenplays/night-ferry.fountain");
    let cast = fixture("casts/night-ferry.toml");
    let render = format!("render {script} --cast {cast} --out out");
    let mut child =
        folder.tableread(&render).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    wait_for_takes(&mut child, &folder.path("out"), 6);
    let pid = child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let mut told = String::new();
    child.stderr.take().unwrap().read_to_string(&mut told).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{told}");
    assert!(told.contains("run the same command again to go on"), "{told}");
    let json = expect(0, &mut folder.tableread("status night-ferry --out out --json"));
    let status: Value = serde_json::from_str(&stdout(&json)).unwrap();
    let records = status["line_records"].as_array().unwrap();
    let held = serde_json::to_value(LineState::Leased).unwrap();
    assert!(records.iter().all(|record| record["state"] != held), "no line stays leased");
    assert!(records.iter().any(|record| record["state"] == "waiting"), "it was stopped early");
}
