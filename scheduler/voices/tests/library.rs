//! The library over a store: versions, races, damage.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::collections::BTreeMap;

use schemas::{lock_object, recording_object, voice_prompt_object};
use store::Store;
use support::{library, model, put_voice, voice};
use voices::{Library, PromptForm, VoiceError, VoiceName};

fn name(name: &str) -> VoiceName {
    VoiceName::parse(name).unwrap()
}

#[tokio::test]
async fn versions_count_up_and_stay_what_they_were() {
    let library = library().await;
    let first = put_voice(&library, "first").await;
    let second = put_voice(&library, "second").await;
    let locked = library.lock(&name("mira"), first.clone()).await.unwrap();
    assert_eq!((locked.lock.version, locked.is_new), (1, true));
    assert_eq!(library.lock(&name("mira"), second.clone()).await.unwrap().lock.version, 2);
    assert_eq!(library.lock(&name("otto"), second.clone()).await.unwrap().lock.version, 1);

    assert_eq!(library.get(&name("mira"), Some(1)).await.unwrap().voice, first);
    assert_eq!(library.get(&name("mira"), None).await.unwrap().voice, second);
    let names = library.names().await.unwrap();
    assert_eq!(names[&name("mira")], [1, 2]);
    assert_eq!(names[&name("otto")], [1]);
}

#[tokio::test]
async fn locking_the_same_voice_again_finds_its_version() {
    let library = library().await;
    let voice = put_voice(&library, "first").await;
    let other = put_voice(&library, "second").await;
    library.lock(&name("mira"), voice.clone()).await.unwrap();
    library.lock(&name("mira"), other).await.unwrap();
    let mut later = voice.clone();
    later.provenance.locked_at = "2027-01-01T00:00:00Z".into();
    let again = library.lock(&name("mira"), later).await.unwrap();
    assert_eq!((again.lock.version, again.is_new), (1, false));
    let mut consent = voice;
    consent.description = "Another.".into();
    assert_eq!(library.lock(&name("mira"), consent).await.unwrap().lock.version, 3);
}

/// Each of many who lock different voices under one name at once gets a version of its own, or a clear
/// error; never are two voices one version.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_who_lock_one_name_at_once_get_different_versions() {
    let folder = tempfile::tempdir().unwrap();
    let in_folder = Store::open(folder.path().to_str().unwrap()).await.unwrap();
    for library in [library().await, Library::new(in_folder)] {
        let mut lockers = Vec::new();
        for locker in 0..8 {
            let library = library.clone();
            lockers.push(tokio::spawn(async move {
                let voice = put_voice(&library, &format!("locker {locker}")).await;
                (voice.clone(), library.lock(&name("mira"), voice).await)
            }));
        }
        let mut versions = BTreeMap::new();
        for locker in lockers {
            match locker.await.unwrap() {
                (voice, Ok(locked)) => {
                    let version = locked.lock.version;
                    assert_eq!(versions.insert(version, voice), None, "version {version}");
                }
                (_, Err(VoiceError::Contended(_))) => {}
                (_, Err(error)) => panic!("{error}"),
            }
        }
        assert!(!versions.is_empty());
        for (version, voice) in &versions {
            let kept = library.get(&name("mira"), Some(*version)).await.unwrap();
            assert_eq!(kept.voice, *voice);
        }
        let kept: Vec<u32> = versions.into_keys().collect();
        assert_eq!(library.names().await.unwrap()[&name("mira")], kept);
    }
}

#[tokio::test]
async fn a_voice_whose_takes_are_not_there_is_not_locked() {
    let library = library().await;
    let error = library.lock(&name("mira"), voice("nowhere")).await.unwrap_err();
    assert!(matches!(error, VoiceError::Lost { state: "missing", .. }), "{error}");
    assert!(library.names().await.unwrap().is_empty());
}

#[tokio::test]
async fn what_is_not_there_is_told_with_what_is() {
    let library = library().await;
    let error = library.get(&name("mira"), None).await.unwrap_err().to_string();
    assert!(error.contains("none yet"), "{error}");
    let voice = put_voice(&library, "first").await;
    library.lock(&name("otto"), voice).await.unwrap();
    let error = library.get(&name("mira"), None).await.unwrap_err().to_string();
    assert!(error.contains("there are: otto"), "{error}");
    let error = library.get(&name("otto"), Some(4)).await.unwrap_err().to_string();
    assert!(error.contains("`otto 4`") && error.contains("versions 1"), "{error}");
}

#[tokio::test]
async fn a_prompt_comes_back_whole_and_a_damaged_one_does_not() {
    let library = library().await;
    let mut voice = put_voice(&library, "first").await;
    let plain = b"what an engine keeps".repeat(100);
    let object = library.put_prompt(&plain).await.unwrap();
    voice.models = model(&object, plain.len() as u64, PromptForm::Portable);
    let lock = library.lock(&name("mira"), voice).await.unwrap().lock;
    let prompt = &lock.voice.models.values().next().unwrap().prompts[0];
    assert_eq!(library.prompt(&lock, prompt).await.unwrap(), plain);

    let elsewhere = voices::pack(b"something else").unwrap();
    library.store().put(&voice_prompt_object(&object), elsewhere).await.unwrap();
    let error = library.prompt(&lock, prompt).await.unwrap_err();
    assert!(matches!(error, VoiceError::Lost { state: "damaged", .. }), "{error}");
}

#[tokio::test]
async fn verify_says_of_which_voice_what_is_missing_or_damaged() {
    let library = library().await;
    let mut locks = Vec::new();
    for of in ["whole", "missing", "damaged", "lock"] {
        let voice = put_voice(&library, of).await;
        locks.push(library.lock(&name(of), voice).await.unwrap().lock);
    }
    let whole = library.verify(None, |_| {}).await.unwrap();
    assert_eq!((whole.voices, whole.faults.len()), (4, 0));
    assert_eq!(whole.objects, 4 + 2 * 4);

    let audio = |lock: usize| recording_object(&locks[lock].voice.takes[0].audio);
    library.store().delete(&audio(1)).await.unwrap();
    library.store().put(&audio(2), "noise").await.unwrap();
    library.store().put(&lock_object(&locks[3].object_key()), "{}").await.unwrap();
    let damaged = library.verify(None, |_| {}).await.unwrap();
    let faults: Vec<_> =
        damaged.faults.iter().map(|f| (f.name.as_str(), f.problem.as_str())).collect();
    assert_eq!(faults.len(), 3, "{faults:?}");
    assert!(faults[0].0 == "damaged" && faults[0].1.contains("is damaged"), "{faults:?}");
    assert!(faults[1].0 == "lock" && faults[1].1.contains("the lock"), "{faults:?}");
    assert!(faults[2].0 == "missing" && faults[2].1.contains("is missing"), "{faults:?}");

    assert!(library.verify(Some(&name("whole")), |_| {}).await.unwrap().faults.is_empty());
    assert!(library.verify(Some(&name("nobody")), |_| {}).await.is_err());
}

#[tokio::test]
async fn what_voices_are_made_of_is_named_for_whoever_sweeps() {
    let library = library().await;
    let voice = put_voice(&library, "first").await;
    let lock = library.lock(&name("mira"), voice).await.unwrap().lock;
    let referenced = library.referenced().await.unwrap();
    assert!(referenced.contains(&lock_object(&lock.object_key())));
    for take in &lock.voice.takes {
        assert!(referenced.contains(&recording_object(&take.audio)));
    }
    library.store().put(&lock_object(&lock.object_key()), "{}").await.unwrap();
    assert!(library.referenced().await.is_err());
}
