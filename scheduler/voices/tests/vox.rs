//! Voice files: ours whole and back, others' as far as they go, and what is refused.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::io::{Cursor, Write as _};

use schemas::{RecordingKey, VoiceObjectKey};
use support::{audio, library, model, put_voice};
use voices::{
    Consent, Embedding, Limits, Lock, Parts, PortablePrompt, PromptForm, VoiceError, VoiceName,
    Vox, read_vox, write_vox,
};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

fn prompt() -> PortablePrompt {
    PortablePrompt {
        codes: vec![[7; 16]; 50],
        embedding: Some(Embedding::new(vec![0.5; 1_024]).unwrap()),
        transcript: "What mira says.".into(),
        language: "en".into(),
    }
}

/// A locked voice with a public prompt and one of an engine's own, and all it is made of.
async fn lock() -> (Lock, Parts) {
    let library = library().await;
    let mut voice = put_voice(&library, "mira").await;
    let public = prompt().to_bytes().unwrap();
    let object = library.put_prompt(&public).await.unwrap();
    voice.models = model(&object, public.len() as u64, PromptForm::Portable);
    let own = b"an engine's own".repeat(50);
    let object = library.put_prompt(&own).await.unwrap();
    let form = PromptForm::Engine { engine: "qwen/1".into(), key: "ab".repeat(32) };
    let second = model(&object, own.len() as u64, form).into_values().next().unwrap();
    voice.models.insert("qwen3-tts-12hz-1.7b-base".into(), second);
    let name = VoiceName::parse("mira").unwrap();
    let lock = library.lock(&name, voice).await.unwrap().lock;
    let parts = library.parts(&lock).await.unwrap();
    (lock, parts)
}

fn written(lock: &Lock, parts: &Parts) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    write_vox(lock, parts, &mut file).unwrap();
    file.into_inner()
}

/// An archive of the given members.
fn archive(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (path, bytes) in members {
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
        zip.start_file(*path, options).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// The members of an archive.
fn members(file: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut zip = ZipArchive::new(Cursor::new(file)).unwrap();
    (0..zip.len())
        .map(|index| {
            let mut member = zip.by_index(index).unwrap();
            let mut bytes = Vec::new();
            std::io::copy(&mut member, &mut bytes).unwrap();
            (member.name().unwrap().to_string(), bytes)
        })
        .collect()
}

fn refused(file: &[u8]) -> String {
    refused_within(file, &Limits::default())
}

fn refused_within(file: &[u8], limits: &Limits) -> String {
    match read_vox(Cursor::new(file), limits) {
        Err(VoiceError::File(problem)) => problem,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_lock_travels_whole() {
    let (lock, parts) = lock().await;
    let file = written(&lock, &parts);
    let Vox::Ours { lock: read, parts: found, manifest } =
        read_vox(Cursor::new(&file), &Limits::default()).unwrap()
    else {
        panic!("it is ours")
    };
    assert_eq!(*read, lock);
    assert_eq!(found, parts);
    assert_eq!(manifest.voice.name, "mira");
    assert_eq!(written(&lock, &parts), file);

    let elsewhere = library().await;
    let otto = VoiceName::parse("otto").unwrap();
    let locked = elsewhere.import(&otto, &read, &found).await.unwrap();
    assert_eq!((locked.lock.version, &locked.lock.voice), (1, &lock.voice));
    assert_eq!(elsewhere.parts(&locked.lock).await.unwrap(), parts);
    assert!(!elsewhere.import(&otto, &read, &found).await.unwrap().is_new);
}

#[tokio::test]
async fn the_file_is_what_the_public_format_says() {
    let (lock, parts) = lock().await;
    let members = members(&written(&lock, &parts));
    let names: Vec<_> = members.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names[0], "manifest.json");
    assert!(names.contains(&"reference/neutral.wav"), "{names:?}");
    assert!(names.contains(&"embeddings/qwen3-tts/0.6b/clone-prompt.bin"), "{names:?}");
    let bytes =
        &members.iter().find(|(name, _)| name.ends_with("0.6b/clone-prompt.bin")).unwrap().1;
    assert_eq!(PortablePrompt::from_bytes(bytes).unwrap(), prompt());

    let manifest: serde_json::Value = serde_json::from_slice(&members[0].1).unwrap();
    assert_eq!(manifest["vox_version"], "0.4.0");
    assert_eq!(manifest["created"], "2026-11-21T16:05:01Z");
    assert_eq!(manifest["voice"]["gender"], "female");
    assert_eq!(manifest["voice"]["age_range"], serde_json::json!([65, 69]));
    assert_eq!(manifest["prosody"]["pitch_base"], "low");
    assert_eq!(manifest["provenance"]["method"], "synthesized");
    assert_eq!(manifest["provenance"]["consent"], serde_json::Value::Null);
    assert_eq!(manifest["reference_audio"][0]["file"], "reference/neutral.wav");
    assert_eq!(manifest["reference_audio"][0]["transcript"], "What mira says.");
    let embedding = &manifest["embeddings"]["qwen3-tts-0.6b"];
    assert_eq!(embedding["model"], "Qwen/Qwen3-TTS-12Hz-0.6B-Base");
    assert_eq!(embedding["file"], "embeddings/qwen3-tts/0.6b/clone-prompt.bin");
    let id = manifest["id"].as_str().unwrap();
    let shape: Vec<_> = id.split('-').map(str::len).collect();
    assert_eq!(shape, [8, 4, 4, 4, 12], "{id}");
    assert_eq!(&id[14..15], "4");
    assert!("89ab".contains(&id[19..20]), "{id}");
}

#[tokio::test]
async fn a_recorded_voice_says_whose_leave_it_has_and_what_it_was_cloned_from() {
    let (mut lock, parts) = lock().await;
    lock.voice.provenance.made = voices::Made::Recorded;
    let note = voices::Note::parse("Ana Ruiz, signed 2026-02-01").unwrap();
    lock.voice.consent = Consent::Granted { note };
    let members = members(&written(&lock, &parts));
    let manifest: serde_json::Value = serde_json::from_slice(&members[0].1).unwrap();
    assert_eq!(manifest["provenance"]["method"], "cloned");
    assert_eq!(manifest["provenance"]["consent"], "granted");
    assert_eq!(manifest["provenance"]["notes"], "Ana Ruiz, signed 2026-02-01");
    assert_eq!(manifest["provenance"]["source"][0], "reference/neutral.wav");
}

#[tokio::test]
async fn one_changed_byte_anywhere_inside_is_noticed() {
    let (lock, parts) = lock().await;
    let whole = members(&written(&lock, &parts));
    for (changed, (path, _)) in whole.iter().enumerate() {
        if path == "manifest.json" {
            continue;
        }
        let mut members = whole.clone();
        let bytes = &mut members[changed].1;
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        let members: Vec<_> = members.iter().map(|(p, b)| (p.as_str(), b.as_slice())).collect();
        let read = read_vox(Cursor::new(archive(&members)), &Limits::default());
        assert!(matches!(read, Err(VoiceError::File(_))), "{path}: {read:?}");
    }
}

const FOREIGN: &str = r#"{
  "vox_version": "0.4.0", "id": "c4f5a6b7-8d9e-4f0a-b1c2-d3e4f5a6b7c8",
  "created": "2026-06-08T00:00:00Z",
  "voice": {"name": "THE BLIND MAN", "description": "An old man with a cracked voice.", "language": "es"},
  "character": {"role": "First master."},
  "reference_audio": [{"file": "reference/a.wav", "transcript": "Lázaro, ven.", "language": "es"}],
  "provenance": {"method": "cloned", "consent": "granted", "source": ["reference/a.wav"]},
  "extensions": {"apple": {"voice_id": "es/Jorge"}}
}"#;

fn foreign(members: &[(&str, &[u8])]) -> voices::Foreign {
    match read_vox(Cursor::new(archive(members)), &Limits::default()).unwrap() {
        Vox::Foreign(foreign) => *foreign,
        Vox::Ours { .. } => panic!("it is another program's"),
    }
}

#[test]
fn a_voice_of_another_program_is_read_as_far_as_it_goes() {
    let prompt = prompt().to_bytes().unwrap();
    let found = foreign(&[
        ("manifest.json", FOREIGN.as_bytes()),
        ("reference/a.wav", b"RIFF"),
        ("embeddings/qwen3-tts/clone-prompt.bin", &prompt),
        ("embeddings/qwen3-tts/0.6b/es/clone-prompt.bin", b"nobody knows"),
    ]);
    assert_eq!(found.manifest.voice.name, "THE BLIND MAN");
    assert_eq!(found.clips.len(), 1);
    assert_eq!(found.clips[0].transcript.as_deref(), Some("Lázaro, ven."));
    assert_eq!(found.prompts.len(), 1);
    assert_eq!(found.missing.len(), 1, "{:?}", found.missing);
    assert!(found.missing[0].contains("0.6b/es/clone-prompt.bin cannot be read"));
}

#[test]
fn what_a_file_lacks_is_said_plainly() {
    let words = r#"{"vox_version": "0.1.0", "id": "x", "created": "2026-01-01T00:00:00Z",
        "voice": {"name": "Narrator", "description": "A warm, clear voice."}}"#;
    let found = foreign(&[("manifest.json", words.as_bytes())]);
    assert_eq!(
        found.missing,
        [
            "there is no recording in it: only words describe the voice",
            "nothing says by whose leave the voice is used",
        ]
    );
    let prompt = prompt().to_bytes().unwrap();
    let found = foreign(&[
        ("manifest.json", words.as_bytes()),
        ("reference/sample-audio.wav", b"RIFF"),
        ("embeddings/qwen3-tts/1.7b/clone-prompt.bin", &prompt),
    ]);
    assert_eq!(found.clips[0].transcript.as_deref(), Some("What mira says."));
}

#[test]
fn what_is_no_voice_file_is_refused_and_says_why() {
    assert!(refused(b"not a zip").contains("no voice file"));
    assert!(refused(&archive(&[("a.txt", b"x")])).contains("manifest.json"));
    assert!(refused(&archive(&[("manifest.json", b"{}")])).contains("cannot be read"));
    let later = FOREIGN.replace("0.4.0", "1.0.0");
    assert!(refused(&archive(&[("manifest.json", later.as_bytes())])).contains("version 1.0.0"));
    for path in ["../up", "/etc/passwd", "a/../../b", "C:/x", "a\\b"] {
        let file = archive(&[("manifest.json", FOREIGN.as_bytes()), (path, b"x")]);
        assert!(refused(&file).contains("outside"), "{path}");
    }
}

#[test]
fn links_and_twins_are_refused() {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file("manifest.json", SimpleFileOptions::default()).unwrap();
    zip.write_all(FOREIGN.as_bytes()).unwrap();
    zip.add_symlink("reference/a.wav", "/etc/passwd", SimpleFileOptions::default()).unwrap();
    assert!(refused(&zip.finish().unwrap().into_inner()).contains("is a link"));

    let twins = archive(&[("manifest.json", FOREIGN.as_bytes()), ("manifest.jsom", b"{}")]);
    let at = |needle: &[u8]| -> Vec<usize> {
        (0..twins.len() - needle.len()).filter(|at| twins[*at..].starts_with(needle)).collect()
    };
    let mut twins = twins.clone();
    for place in at(b"manifest.jsom") {
        twins[place..place + 13].copy_from_slice(b"manifest.json");
    }
    refused(&twins);
}

#[test]
fn bombs_and_crowds_are_refused() {
    let zeros = vec![0; 8 << 20];
    let bomb = archive(&[("manifest.json", FOREIGN.as_bytes()), ("reference/a.wav", &zeros)]);
    assert!(bomb.len() < 100_000);
    assert!(refused(&bomb).contains("larger than is taken"));

    let small = Limits { all_bytes: 1_500, ..Limits::default() };
    let two = archive(&[("manifest.json", FOREIGN.as_bytes()), ("reference/a.wav", &[1; 1_000])]);
    assert!(refused_within(&two, &small).contains("larger than is taken"));

    let paths: Vec<String> = (0..1_001).map(|number| format!("reference/{number}.wav")).collect();
    let crowd: Vec<_> = paths.iter().map(|path| (path.as_str(), b"".as_slice())).collect();
    assert!(refused(&archive(&crowd)).contains("more than 1000 members"));
}

#[test]
fn keys_of_parts_are_hashes_of_what_they_are() {
    let bytes = audio("mira", "neutral");
    assert_eq!(RecordingKey::of(&bytes).as_str(), VoiceObjectKey::of(&bytes).as_str());
}
