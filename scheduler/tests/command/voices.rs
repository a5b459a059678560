//! `voices`: cloned, listed, shown, carried to another library and back, compared and checked.

use std::path::Path;
use std::time::{Duration, SystemTime};

use crate::common::{Folder, expect, fixture, stderr, stdout};
use serde_json::Value;

const ANNA: &str = "casts/voices/anna-neutral.wav";

/// A folder whose library holds `anna`, cloned from the shipped recordings.
fn with_anna() -> Folder {
    let folder = Folder::new();
    let (neutral, shout) = (fixture(ANNA), fixture("casts/voices/anna-shout.wav"));
    let clone =
        format!("voices clone anna {neutral} {shout} --mood neutral --mood shout --consent own");
    let mut command = folder.tableread(&clone);
    command.args(["--transcript", "The tide does not care.", "--transcript", "Come back!"]);
    expect(0, &mut command);
    folder
}

fn json(folder: &Folder, args: &str) -> Value {
    let output = expect(0, &mut folder.tableread(args));
    serde_json::from_str(&stdout(&output)).unwrap()
}

#[test]
fn a_voice_is_cloned_listed_and_shown() {
    let folder = with_anna();
    let listed = json(&folder, "voices list --json");
    assert_eq!(listed[0]["name"], "anna");
    assert_eq!(listed[0]["version"], 1);
    assert_eq!(listed[0]["moods"], serde_json::json!(["neutral", "shout"]));
    assert_eq!(listed[0]["consent"], "own");
    assert!(stdout(&expect(0, &mut folder.tableread("voices list"))).contains("anna@1"));

    let shown = stdout(&expect(0, &mut folder.tableread("voices show anna --svg anna.svg")));
    assert!(shown.contains("consent    own"), "{shown}");
    assert!(shown.contains("The tide does not care."), "{shown}");
    assert!(shown.contains('█'), "{shown}");
    let svg = std::fs::read_to_string(folder.path("anna.svg")).unwrap();
    assert!(svg.starts_with("<svg") && svg.contains("Come back!"), "{svg}");
    expect(0, &mut folder.tableread("voices show anna@1 --takes takes"));
    assert!(audio::read_wav(&std::fs::read(folder.path("takes/shout.en.wav")).unwrap()).is_ok());
    assert_eq!(json(&folder, "voices show anna --json")["voice"]["takes"][1]["mood"], "shout");
}

#[test]
fn a_voice_travels_in_a_file_and_is_the_same_voice_elsewhere() {
    let folder = with_anna();
    expect(0, &mut folder.tableread("voices export anna"));
    let again = expect(1, &mut folder.tableread("voices export anna"));
    assert!(stderr(&again).contains("--force"), "{}", stderr(&again));
    let taken = json(&folder, "voices import anna.vox --out next --json");
    assert_eq!((&taken["name"], &taken["version"]), (&"anna".into(), &1.into()));
    assert_eq!(taken["is_new"], true);
    assert_eq!(json(&folder, "voices import anna.vox --out next --json")["is_new"], false);
    let key =
        |out: &str| json(&folder, &format!("voices list --json --out {out}"))[0]["key"].clone();
    assert_eq!(key("next"), key("out"));

    let same = json(&folder, "voices diff anna anna.vox --json");
    assert_eq!(same["is_same_sound"], true);
    assert_eq!(same["differences"], serde_json::json!([]));
    let clone = format!("voices clone anna {} --no-transcript --consent own", fixture(ANNA));
    expect(0, &mut folder.tableread(&clone));
    let other = stdout(&expect(0, &mut folder.tableread("voices diff anna@1 anna@2")));
    assert!(other.contains("take shout (en)") && other.contains("sound different"), "{other}");
}

#[test]
fn damage_is_found_and_named() {
    let folder = with_anna();
    assert!(stdout(&expect(0, &mut folder.tableread("voices verify"))).contains("all whole"));
    let (recording, _) = folder.objects("out", "recordings").pop_first().unwrap();
    std::fs::write(folder.path("out").join(&recording), b"noise").unwrap();
    let told = stdout(&expect(3, &mut folder.tableread("voices verify")));
    assert!(told.contains("anna@1: the") && told.contains("is damaged"), "{told}");
    let export = expect(1, &mut folder.tableread("voices export anna"));
    assert!(stderr(&export).contains("damaged"), "{}", stderr(&export));
}

#[test]
fn nobody_is_cloned_without_consent_and_what_is_said() {
    let folder = Folder::new();
    let clone = format!("voices clone anna {}", fixture(ANNA));
    let told = |args: &str| {
        let mut command = folder.tableread(&format!("{clone} {args}"));
        stderr(&expect(1, command.stdin(std::process::Stdio::null())))
    };
    assert!(told("--no-transcript").contains("consent"));
    assert!(told("--no-transcript --consent granted").contains("--note"));
    assert!(told("--consent own").contains("--transcript"));
    assert!(told("--consent own --no-transcript --mood a --mood b").contains("once for each"));
    assert!(!folder.path("out/.tableread/store/voices").exists());
    std::fs::write(folder.path("a.wav"), "no sound").unwrap();
    let wrong = "voices clone anna a.wav --consent own --no-transcript";
    let wrong = stderr(&expect(1, &mut folder.tableread(wrong)));
    assert!(wrong.contains("a.wav") && wrong.contains("flac"), "{wrong}");
}

#[test]
fn an_empty_library_says_what_to_do_and_a_misspelt_voice_what_there_is() {
    let folder = Folder::new();
    let empty = stdout(&expect(0, &mut folder.tableread("voices list")));
    assert!(empty.contains("voices clone"), "{empty}");
    assert_eq!(json(&folder, "voices list --json"), serde_json::json!([]));
    let folder = with_anna();
    let wrong = stderr(&expect(1, &mut folder.tableread("voices show ana")));
    assert!(wrong.contains("there are: anna"), "{wrong}");
}

#[test]
fn a_sweep_keeps_what_locked_voices_are_made_of() {
    let folder = Folder::rendered();
    let (neutral, other) = (fixture(ANNA), folder.path("out/.tableread/store/recordings"));
    let clone = format!("voices clone anna {neutral} --no-transcript --consent own");
    expect(0, &mut folder.tableread(&clone));
    let before = folder.objects("out", "recordings");
    assert_eq!(before.len(), 1);
    let orphan = other.join("ab").join("ab".repeat(32));
    std::fs::create_dir_all(orphan.parent().unwrap()).unwrap();
    std::fs::write(&orphan, "nobody's").unwrap();
    let store = folder.path("out/.tableread/store");
    make_old(&store, SystemTime::now() - Duration::from_hours(48));
    let found = json(&folder, "sweep --older-than 1h --json");
    assert_eq!(found["unreferenced"]["recordings"]["objects"], 1, "{found}");
    assert!(found["unreferenced"].get("voices/locks").is_none(), "{found}");
}

/// Has everything below a folder last been changed then.
fn make_old(folder: &Path, changed: SystemTime) {
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_dir() {
            make_old(&entry.path(), changed);
        } else {
            std::fs::File::options()
                .write(true)
                .open(entry.path())
                .unwrap()
                .set_modified(changed)
                .unwrap();
        }
    }
}
