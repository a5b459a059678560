//! Takes of a line: alternatives, recordings, choices, approvals, and the price of a change.

use schemas::{ChosenKind, LineOutcome, Manifest, ManifestLine, SynthKey};
use serde_json::Value;

use crate::common::{Folder, expect, fixture, stderr, stdout};

const TWO: &str = "INT. ROOM - DAY\n\nANNA\nGood morning.\n\nBEN\nIs it?\n";
const CAST: &str = "[voices.anna]\nscratch = { pitch = 1.1 }\n\n[characters.ANNA]\nvoice = \"anna\"\n\
                    [characters.BEN]\n";
const RENDER: &str = "render two.fountain --cast cast.toml --out out";
const ANNA: &str = "sc001-l0001";

/// A folder whose `out` holds two lines, rendered.
fn rendered() -> Folder {
    let folder = Folder::new();
    std::fs::write(folder.path("two.fountain"), TWO).unwrap();
    std::fs::write(folder.path("cast.toml"), CAST).unwrap();
    expect(0, &mut folder.tableread(RENDER));
    folder
}

fn line<'a>(manifest: &'a Manifest, id: &str) -> &'a ManifestLine {
    manifest.lines.iter().find(|line| line.id.as_str() == id).unwrap()
}

fn take_of(line: &ManifestLine) -> SynthKey {
    match &line.outcome {
        LineOutcome::Delivered { take, .. } => take.synth_key.clone(),
        other => panic!("{} is not delivered: {other:?}", line.id),
    }
}

impl Folder {
    /// Does something with the first line's takes and gives them, as they are listed then.
    fn take(&self, args: &str) -> Vec<Value> {
        let told = expect(0, &mut self.tableread(&format!("take {ANNA} {args} --out out --json")));
        serde_json::from_str(&stdout(&told)).unwrap()
    }

    fn edit(&self, from: &str, to: &str) {
        std::fs::write(self.path("two.fountain"), TWO.replace(from, to)).unwrap();
    }

    fn recast(&self, from: &str, to: &str) {
        std::fs::write(self.path("cast.toml"), CAST.replace(from, to)).unwrap();
    }
}

#[test]
fn alternatives_leave_the_episode_alone_until_one_is_chosen_and_every_step_can_be_undone() {
    let folder = rendered();
    let before = folder.manifest("out");
    let takes = folder.take("--alternatives 3");
    assert_eq!(takes.len(), 4);
    assert!(takes.iter().all(|take| take["duration_ms"].as_u64() > Some(0)), "{takes:?}");
    assert_eq!((&takes[0]["is_usual"], &takes[0]["is_heard"]), (&true.into(), &true.into()));
    let seeds: std::collections::BTreeSet<_> =
        takes.iter().map(|take| take["seed"].to_string()).collect();
    assert_eq!(seeds.len(), 4, "each has a seed of its own");
    assert_eq!(folder.manifest("out"), before);
    let status = stdout(&expect(0, &mut folder.tableread("status --out out --json")));
    let status: Value = serde_json::from_str(&status).unwrap();
    assert_eq!(status.as_array().unwrap().len(), 1, "takes are no episode: {status}");

    let stored = folder.objects("out", "takes");
    let takes = folder.take("--choose 3");
    assert_eq!((&takes[0]["is_heard"], &takes[2]["is_heard"]), (&false.into(), &true.into()));
    let chosen = folder.manifest("out");
    let anna = line(&chosen, ANNA);
    assert_eq!(take_of(anna).as_str(), takes[2]["key"].as_str().unwrap());
    assert_eq!(anna.chosen.as_ref().unwrap().number, 3);
    assert_eq!(folder.objects("out", "takes"), stored, "nothing is spoken for it");

    let told = stderr(&expect(0, &mut folder.tableread(RENDER)));
    assert!(told.contains("0 changed, 0 new, 0 removed, 2 reused"), "{told}");
    assert_eq!(folder.manifest("out").submission, chosen.submission, "a render keeps the choice");

    folder.take("--undo");
    let undone = folder.manifest("out");
    assert_eq!(undone.lines, before.lines);
    folder.take("--redo");
    assert_eq!(folder.manifest("out").lines, chosen.lines);
    folder.take("--choose 1");
    assert_eq!(take_of(line(&folder.manifest("out"), ANNA)), take_of(line(&before, ANNA)));
    let none = folder.tableread(&format!("take {ANNA} --choose 9 --out out")).output().unwrap();
    assert!(stderr(&none).contains("it has 4 takes"), "{}", stderr(&none));
}

#[test]
fn a_choice_lapses_with_the_words_and_the_voice_and_comes_back_with_them() {
    let folder = rendered();
    folder.take("--alternatives 1");
    folder.take("--choose 2");
    let chosen = folder.manifest("out");

    folder.edit("Good morning.", "Good morning, all.");
    let told = stderr(&expect(0, &mut folder.tableread(RENDER)));
    assert!(told.contains("take 2 is not chosen any more, because its words changed"), "{told}");
    assert!(line(&folder.manifest("out"), ANNA).chosen.is_none());
    // Back as it was, and with a line more around it: the choice follows its line.
    folder.edit("ANNA\n", "BEN\nHush!\n\nANNA\n");
    let told = stderr(&expect(0, &mut folder.tableread(RENDER)));
    assert!(!told.contains("not chosen any more"), "{told}");
    let now = folder.manifest("out");
    assert_eq!(take_of(line(&now, ANNA)), take_of(line(&chosen, ANNA)));

    folder.recast("1.1", "1.3");
    let told = stderr(&expect(0, &mut folder.tableread(RENDER)));
    assert!(told.contains("because its voice changed"), "{told}");
    let takes = folder.take("--list");
    assert_eq!(takes[1]["made_for"], "another voice", "{takes:?}");
    assert_eq!(takes[2]["is_usual"], true, "{takes:?}");
}

#[test]
fn a_recording_stands_in_for_a_line_through_changes_of_the_voice_but_not_of_the_words() {
    let folder = rendered();
    let usual = folder.manifest("out");
    let wav = fixture("casts/voices/anna-neutral.wav");
    let said = format!("--recording {wav} --performer Ito --consent-note contract-7");
    let takes = folder.take(&said);
    assert_eq!((&takes[1]["kind"], &takes[1]["is_heard"]), (&"recorded".into(), &true.into()));
    let manifest = folder.manifest("out");
    let anna = line(&manifest, ANNA);
    let LineOutcome::Delivered { take, delivery, .. } = &anna.outcome else { panic!("{anna:?}") };
    assert_eq!(take.engine, "recording/1");
    assert!(delivery.lufs.is_some_and(|lufs| (-24.0..-16.0).contains(&lufs)), "{delivery:?}");
    let kind = &anna.chosen.as_ref().unwrap().kind;
    let by = ChosenKind::Recorded {
        performer: "Ito".to_owned(),
        consent: Some("contract-7".to_owned()),
    };
    assert_eq!(*kind, by);

    folder.recast("1.1", "1.3");
    expect(0, &mut folder.tableread(RENDER));
    assert_eq!(take_of(line(&folder.manifest("out"), ANNA)), take.synth_key);
    folder.recast("1.1", "1.1");
    expect(0, &mut folder.tableread(RENDER));
    folder.take("--undo");
    assert_eq!(take_of(line(&folder.manifest("out"), ANNA)), take_of(line(&usual, ANNA)));
    folder.take("--redo");
    folder.edit("Good morning.", "Good morning, all.");
    expect(0, &mut folder.tableread(RENDER));
    assert!(line(&folder.manifest("out"), ANNA).chosen.is_none());

    std::fs::write(folder.path("text.wav"), "RIFF, or so it says").unwrap();
    let refused = format!("take {ANNA} --recording text.wav --out out");
    let told = stderr(&expect(1, &mut folder.tableread(&refused)));
    assert!(
        told.contains("text.wav cannot stand in for") && told.contains("save it as WAV"),
        "{told}"
    );
}

#[test]
fn approved_takes_are_kept_and_a_change_of_voice_tells_its_price_first() {
    let folder = rendered();
    let told = stdout(&expect(0, &mut folder.tableread("take --approve-all --out out")));
    assert!(told.contains("2 lines of two approved"), "{told}");
    let approved = folder.manifest("out");
    assert_eq!(approved.totals.approved, 2);
    assert!(approved.lines.iter().all(|line| line.is_approved));

    // Edits of the script ask nothing.
    folder.edit("Is it?", "Is it really?");
    expect(0, &mut folder.tableread(RENDER));
    folder.edit("", "");
    expect(0, &mut folder.tableread(RENDER));

    folder.recast("1.1", "0.8");
    let plan = "plan two.fountain --cast cast.toml --out out";
    let told = stdout(&expect(0, &mut folder.tableread(plan)));
    assert!(
        told.contains("ANNA: 1 line (1 approved)") && told.contains("changed: voice"),
        "{told}"
    );
    let json = stdout(&expect(0, &mut folder.tableread(&format!("{plan} --json"))));
    let price = serde_json::from_str::<Value>(&json).unwrap()["price"].clone();
    assert_eq!((&price["lines"], &price["approved"]), (&1.into(), &1.into()), "{price}");
    assert_eq!(price["approved_lines"], serde_json::json!([ANNA]));
    assert!(price["to_speak_ms"].as_u64() > Some(0), "{price}");

    for command in [RENDER.to_owned(), RENDER.replace("render", "enqueue")] {
        let told = stderr(&expect(2, &mut folder.tableread(&command)));
        assert!(told.contains("1 approved line would go stale, so nothing was queued"), "{told}");
    }
    assert_eq!(folder.manifest("out").lines, approved.lines);
    expect(0, &mut folder.tableread(&format!("{RENDER} --yes")));
    let now = folder.manifest("out");
    assert_eq!((line(&now, ANNA).is_approved, now.totals.approved), (false, 1));
    let takes = folder.take("--list");
    let old = takes.iter().find(|take| take["is_approved"] == true).unwrap();
    assert_eq!(old["key"].as_str().unwrap(), take_of(line(&approved, ANNA)).as_str());
    assert!(old["duration_ms"].as_u64() > Some(0), "it stays playable");

    // Once it was said yes to there is nothing to ask; going back costs nothing either.
    expect(0, &mut folder.tableread(RENDER));
    folder.recast("1.1", "1.1");
    expect(0, &mut folder.tableread(RENDER));
    assert_eq!(folder.manifest("out").totals.approved, 2);
    folder.take("--withdraw");
    assert!(!line(&folder.manifest("out"), ANNA).is_approved);
}

#[test]
fn takes_are_written_as_files_and_outlive_a_sweep() {
    let folder = rendered();
    folder.take("--alternatives 2");
    let told = expect(0, &mut folder.tableread(&format!("take {ANNA} --to heard --out out")));
    let files: Vec<String> = stdout(&told)
        .lines()
        .map(|line| line.split_whitespace().next().unwrap().to_owned())
        .collect();
    assert_eq!(files.len(), 3, "{}", stdout(&told));
    for file in files {
        let wav = std::fs::read(folder.path(&file)).unwrap();
        assert!(!audio::read_wav(&wav).unwrap().samples.is_empty());
    }

    let takes = folder.objects("out", "takes");
    let old = std::time::SystemTime::now() - std::time::Duration::from_hours(9 * 24);
    for path in takes.keys() {
        let file = std::fs::File::options().write(true).open(folder.path("out").join(path));
        file.unwrap().set_modified(old).unwrap();
    }
    expect(0, &mut folder.tableread("sweep --out out --delete"));
    assert_eq!(folder.objects("out", "takes"), takes);
}

#[test]
fn the_workers_of_a_farm_render_alternatives_too() {
    let folder = rendered();
    let mut worker = folder.worker("run --out out").spawn().unwrap();
    let takes = folder.take("--alternatives 2 --farm");
    worker.kill().unwrap();
    worker.wait().unwrap();
    assert_eq!(takes.len(), 3);
    assert!(takes.iter().all(|take| take["duration_ms"].as_u64() > Some(0)), "{takes:?}");
}

#[test]
fn what_cannot_be_done_with_a_take_is_told_with_what_can() {
    let folder = rendered();
    for (args, part) in [
        ("take sc001-l0009 --out out", "did you mean `sc001-l000"),
        ("take sc001-l0001 --undo --out out", "there is nothing to undo"),
        ("take sc001-l0001 --redo --out out", "nothing was undone"),
        ("take sc001-l0001 --alternatives 1 --direction angrily --out out", "takes no directions"),
        ("take sc001-l0001 --recording none.wav --out out", "cannot read none.wav"),
    ] {
        let told = stderr(&expect(1, &mut folder.tableread(args)));
        assert!(told.contains(part), "{args}: {told}");
    }
    expect(2, &mut folder.tableread("take --out out"));
    expect(2, &mut folder.tableread("take sc001-l0001 --undo --redo --out out"));
    expect(2, &mut folder.tableread("take sc001-l0001 --direction softly --out out"));
}
