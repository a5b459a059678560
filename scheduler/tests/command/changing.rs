//! What happens to an episode beside being rendered: pauses, cancellations, newer versions, other
//! episodes in its folder, and a store that is gone.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, ChildStderr, Stdio};

use crate::common::{Folder, expect, fixture, lighthouse, stderr, stdout};
use schemas::Manifest;

const TWO: &str = "INT. ROOM - DAY\n\nANNA\nGood morning.\n\nBEN\nIs it?\n";
const CAST: &str = "[characters.ANNA]\n[characters.BEN]\n";

/// A folder with a script of two lines and its cast.
fn small() -> Folder {
    let folder = Folder::new();
    std::fs::write(folder.path("two.fountain"), TWO).unwrap();
    std::fs::write(folder.path("cast.toml"), CAST).unwrap();
    folder
}

/// Starts rendering a paused episode and waits until it says so.
fn render_paused(folder: &Folder) -> (Child, BufReader<ChildStderr>) {
    expect(0, &mut folder.tableread("enqueue two.fountain --cast cast.toml --out out"));
    expect(0, &mut folder.tableread("pause two --out out"));
    let mut child = folder
        .tableread("render two.fountain --cast cast.toml --out out")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut told = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("two is paused; go on with: tableread resume two") {
        line.clear();
        assert!(told.read_line(&mut line).unwrap() > 0, "it ended without a word about the pause");
    }
    (child, told)
}

#[test]
fn a_paused_episode_says_so_and_lines_cancelled_meanwhile_are_told() {
    let folder = small();
    let (child, _told) = render_paused(&folder);
    let told = stdout(&expect(0, &mut folder.tableread("cancel two --character ben --out out")));
    assert!(told.starts_with("1 line of two-"), "capitals do not matter: {told}");
    let told = stdout(&expect(0, &mut folder.tableread("retry two --character ANNA --out out")));
    assert!(told.starts_with("nothing of two-"), "{told}");
    expect(0, &mut folder.tableread("resume two --out out"));
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", stdout(&output));
    assert!(stdout(&output).contains("1 line cancelled"), "{}", stdout(&output));
}

#[test]
fn a_version_that_was_replaced_is_not_written_over_the_newer_one() {
    let folder = small();
    let (mut child, mut told) = render_paused(&folder);
    std::fs::write(folder.path("two.fountain"), TWO.replace("Is it?", "It is.")).unwrap();
    expect(0, &mut folder.tableread("enqueue two.fountain --cast cast.toml --out out"));
    let mut rest = String::new();
    told.read_to_string(&mut rest).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1), "{rest}");
    assert!(rest.contains("a newer version of two was submitted meanwhile"), "{rest}");
    assert!(!folder.path("out/manifest.json").exists());
}

#[test]
fn a_line_or_character_that_is_not_there_is_an_error_with_a_suggestion() {
    let folder = small();
    expect(0, &mut folder.tableread("enqueue two.fountain --cast cast.toml --out out"));
    for (wrong, meant) in [("--character BENN", "BEN"), ("--line sc001-l003", "sc001-l000")] {
        for verb in ["cancel", "retry"] {
            let told =
                stderr(&expect(1, &mut folder.tableread(&format!("{verb} two {wrong} --out out"))));
            assert!(told.contains(&format!("did you mean `{meant}")), "{told}");
        }
    }
}

#[test]
fn audio_that_is_gone_from_the_store_is_made_again() {
    let folder = Folder::rendered();
    let before = folder.objects("out", "deliveries");
    std::fs::remove_dir_all(folder.path("out/.tableread/store")).unwrap();
    std::fs::remove_dir_all(folder.path("out/lines")).unwrap();
    let told = expect(1, &mut folder.tableread("export the-keeper-of-gull-rock --out out"));
    assert!(stderr(&told).contains("render the episode again"), "{}", stderr(&told));

    let render = format!("render {} --out out", lighthouse());
    let told = stderr(&expect(0, &mut folder.tableread(&render)));
    assert!(told.contains("gone from the store and is made again"), "{told}");
    assert_eq!(folder.objects("out", "deliveries"), before);
    let told = stderr(&expect(0, &mut folder.tableread(&render)));
    assert!(!told.contains("gone") && told.contains("40 reused"), "once is enough: {told}");
}

#[test]
fn two_episodes_in_one_folder_keep_their_files() {
    let folder = small();
    std::fs::write(folder.path("夜.fountain"), TWO.replace("Is it?", "It is.")).unwrap();
    std::fs::write(folder.path("海.fountain"), TWO).unwrap();
    let render = |script: &str| {
        let args = format!("render {script}.fountain --cast cast.toml --out out --json");
        let told = stdout(&expect(0, &mut folder.tableread(&args)));
        let outcome: serde_json::Value = serde_json::from_str(&told).unwrap();
        folder.path(outcome["manifest"].as_str().unwrap())
    };
    let read = |path: &std::path::Path| -> Manifest {
        serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
    };
    let paths = ["two", "夜", "海", "夜"].map(render);
    assert_eq!(paths[0], folder.path("out/manifest.json"));
    assert_eq!(paths[1], paths[3]);
    assert_ne!(paths[1], paths[2], "titles without a Latin letter are told apart");
    for path in &paths {
        let manifest = read(path);
        assert_eq!(manifest.totals.delivered, 2);
        for line in &manifest.lines {
            let file = path.with_file_name(line.file.as_ref().unwrap());
            assert!(file.exists(), "{}", file.display());
        }
        assert!(path.with_file_name("episode.m4a").exists());
    }
}

#[test]
fn a_mix_of_lines_that_are_delivered_no_more_is_removed() {
    let folder = small();
    let render = "render two.fountain --cast cast.toml --out out";
    expect(0, &mut folder.tableread(render));
    assert!(folder.path("out/episode.m4a").exists());
    // Nothing that the voices have letters for.
    let unspeakable = TWO.replace("Good morning.", "おはよう。").replace("Is it?", "そうか。");
    std::fs::write(folder.path("two.fountain"), unspeakable).unwrap();
    expect(3, &mut folder.tableread(render));
    assert!(!folder.path("out/episode.m4a").exists());
}

#[test]
fn a_plan_looks_into_the_store_it_is_given() {
    let folder = small();
    expect(0, &mut folder.tableread("render two.fountain --cast cast.toml --out out"));
    let plan = "plan two.fountain --cast cast.toml --out none --store out/.tableread/store";
    let told = stdout(&expect(0, &mut folder.tableread(plan)));
    assert!(told.contains("2 lines rendered already"), "{told}");
    assert!(!folder.path("none").exists(), "a plan changes nothing");
}

#[test]
fn what_is_wrong_with_a_script_is_told_with_its_file() {
    let folder = small();
    let twice = "INT. A - DAY\n\nBEN\n[[id:a1]]\nHi.\n\nANNA\n[[id:A1]]\nHi.\n";
    let long = format!("INT. A - DAY\n\nBEN\n{}\n", "word ".repeat(2_100));
    for (script, place, code) in [
        (twice, ":7:1: error: id `A1` is used at", "bad_id"),
        (&long, ":3:1: error: BEN speaks more than", "too_long"),
        ("INT. A - DAY\n\nA man walks.\n", ":1:1: error: nobody says anything", "nobody_speaks"),
    ] {
        std::fs::write(folder.path("bad.fountain"), script).unwrap();
        let told = stdout(&expect(2, &mut folder.tableread("check bad.fountain")));
        assert!(told.contains(&format!("bad.fountain{place}")), "{told}");
        let json = stdout(&expect(2, &mut folder.tableread("check bad.fountain --json")));
        assert!(json.contains(&format!("\"code\":\"{code}\"")), "{json}");
        let render = "render bad.fountain --cast cast.toml --out out";
        let told = stderr(&expect(1, &mut folder.tableread(render)));
        assert!(told.contains("error: bad.fountain: "), "{told}");
    }
}

#[test]
fn a_starter_cast_has_the_title_on_one_line_and_says_what_comes_next() {
    let folder = Folder::new();
    let script = fixture("screenplays/night-ferry.fountain");
    let told = stderr(&expect(0, &mut folder.tableread(&format!("cast {script} --to cast.toml"))));
    assert!(told.contains(&format!("tableread plan {script} --cast cast.toml")), "{told}");
    let cast = std::fs::read_to_string(folder.path("cast.toml")).unwrap();
    assert!(cast.contains("title = \"NIGHT FERRY The Last Crossing\""), "{cast}");
}

#[test]
fn only_what_is_finished_can_be_forgotten_and_its_files_stay() {
    let folder = Folder::new();
    expect(0, &mut folder.tableread(&format!("enqueue {} --out out", lighthouse())));
    let told =
        stderr(&expect(1, &mut folder.tableread("forget the-keeper-of-gull-rock --out out")));
    assert!(told.contains("cancel"), "{told}");
    expect(0, &mut folder.tableread("cancel the-keeper-of-gull-rock --out out"));
    let told =
        stdout(&expect(0, &mut folder.tableread("forget the-keeper-of-gull-rock --out out")));
    assert!(told.contains("40 lines"), "{told}");
    let status = expect(0, &mut folder.tableread("status --out out --json"));
    assert_eq!(stdout(&status).trim(), "[]");
}
