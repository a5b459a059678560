//! `check`, `lines`, `cast` and `plan`: what they print and how they exit.

use crate::common::{Folder, expect, fixture, lighthouse, stderr, stdout};
use serde_json::Value;

#[test]
fn a_clean_script_leaves_no_doubt() {
    let folder = Folder::new();
    for clean in ["lighthouse", "night-ferry", "german"] {
        let path = fixture(&format!("screenplays/{clean}.fountain"));
        expect(0, &mut folder.tableread(&format!("check {path}")));
    }
}

#[test]
fn doubts_name_file_line_column_and_what_to_do() {
    let path = fixture("screenplays/doubts.fountain");
    let output = expect(2, &mut Folder::new().tableread(&format!("check {path}")));
    let doubts = stdout(&output);
    assert!(doubts.lines().count() >= 5, "{doubts}");
    for doubt in doubts.lines() {
        let place = doubt.strip_prefix(&format!("{path}:")).unwrap();
        let mut parts = place.splitn(4, ':');
        assert!(parts.next().unwrap().parse::<u32>().unwrap() > 0, "{doubt}");
        assert!(parts.next().unwrap().parse::<u32>().unwrap() > 0, "{doubt}");
        assert!(parts.nth(1).unwrap().contains("; "), "what to do follows: {doubt}");
    }
}

#[test]
fn what_is_no_screenplay_is_told_in_one_sentence() {
    let folder = Folder::new();
    for (file, part) in [
        (fixture("screenplays/not-utf8.fountain"), "UTF-8"),
        (folder.path("missing.fountain").to_str().unwrap().to_owned(), "missing.fountain"),
    ] {
        for command in ["check", "lines"] {
            let output = expect(1, &mut folder.tableread(&format!("{command} {file}")));
            let told = stderr(&output);
            assert!(told.contains(part) && told.lines().count() == 1, "{told}");
        }
    }
}

#[test]
fn lines_are_json_objects_in_the_order_of_the_script() {
    let path = fixture("screenplays/lighthouse.fountain");
    let output = expect(0, &mut Folder::new().tableread(&format!("lines {path} --json")));
    let lines: Vec<Value> =
        stdout(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 40);
    for line in &lines {
        for field in [
            "id",
            "scene",
            "character",
            "text",
            "extensions",
            "parentheticals",
            "dual",
            "line",
            "column",
        ] {
            assert!(line.get(field).is_some(), "{field} of {line}");
        }
    }
    assert!(lines.windows(2).all(|two| two[0]["line"].as_u64() < two[1]["line"].as_u64()));
    assert_eq!(lines[0]["character"], "OLD TAM");
    assert_eq!(lines[0]["extensions"], serde_json::json!(["V.O."]));
    assert_eq!(lines[1]["parentheticals"][0]["text"], "out of breath");
}

#[test]
fn the_fdx_twin_says_the_same() {
    let folder = Folder::new();
    let spoken = |name: &str| -> Vec<(String, String, String)> {
        let path = fixture(&format!("screenplays/{name}"));
        let output = expect(0, &mut folder.tableread(&format!("lines {path} --json")));
        let texts = |line: &str| {
            let line: Value = serde_json::from_str(line).unwrap();
            let text = |field: &str| line[field].as_str().unwrap().to_owned();
            (text("character"), text("text"), line["dual"].to_string())
        };
        stdout(&output).lines().map(texts).collect()
    };
    let fountain = spoken("night-ferry.fountain");
    assert!(fountain.len() >= 400, "a full-length episode");
    assert_eq!(fountain, spoken("night-ferry.fdx"));
}

#[test]
fn a_starter_cast_casts_the_script() {
    let folder = Folder::new();
    let script = fixture("screenplays/night-ferry.fountain");
    expect(0, &mut folder.tableread(&format!("cast {script} --to cast.toml")));
    let output =
        expect(0, &mut folder.tableread(&format!("plan {script} --cast cast.toml --json")));
    let plan: Value = serde_json::from_str(&stdout(&output)).unwrap();
    let said = plan["lines"].as_array().unwrap().len();
    assert!(said >= 400, "{said}");
    // An edited cast is somebody's work.
    let told = stderr(&expect(1, &mut folder.tableread(&format!("cast {script} --to cast.toml"))));
    assert!(told.contains("is there already"), "{told}");
}

#[test]
fn everyone_who_is_not_cast_is_named_at_once() {
    let folder = Folder::new();
    std::fs::write(folder.path("cast.toml"), "[characters.MIRE]\n").unwrap();
    let script = fixture("screenplays/lighthouse.fountain");
    let output = expect(1, &mut folder.tableread(&format!("plan {script} --cast cast.toml")));
    let told = stderr(&output);
    for name in ["MIRA", "OLD TAM", "ANNA", "KAPITÄN BRANDT", "COASTGUARD", "PIP"] {
        assert!(told.contains(name), "{name}: {told}");
    }
    assert!(told.contains("did you mean") && told.contains("MIRE"), "{told}");
}

#[test]
fn a_mistake_in_the_cast_is_told_with_its_place() {
    let folder = Folder::new();
    std::fs::write(folder.path("cast.toml"), "[characters.MIRA]\nvoise = \"mira\"\n").unwrap();
    let script = fixture("screenplays/lighthouse.fountain");
    let output = expect(1, &mut folder.tableread(&format!("plan {script} --cast cast.toml")));
    assert!(stderr(&output).contains("cast.toml:2:1"), "{}", stderr(&output));
}

#[test]
fn planning_twice_gives_the_same_bytes() {
    let folder = Folder::new();
    let plan =
        || stdout(&expect(0, &mut folder.tableread(&format!("plan {} --json", lighthouse()))));
    let first = plan();
    assert_eq!(first, plan());
    assert!(first.len() > 1_000);
}

#[test]
fn a_voice_of_a_model_nobody_here_has_is_refused_before_anything_is_queued() {
    let folder = Folder::new();
    let script = fixture("screenplays/lighthouse.fountain");
    let cast = fixture("casts/neural.toml");
    let output =
        expect(1, &mut folder.tableread(&format!("render {script} --cast {cast} --out out")));
    assert!(stderr(&output).contains("--scratch"), "{}", stderr(&output));
    let status = expect(1, &mut folder.tableread("status --out out --json"));
    assert!(stderr(&status).contains("nothing was rendered"), "{}", stderr(&status));
}
