//! What every store keeps to, asked of each kind; and what each kind does when it cannot.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod s3;

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use futures::TryStreamExt;
use proptest::prelude::*;
use store::{ConditionalPut, Entry, S3Settings, Store, StoreError};

/// A store of each kind, and what must be kept for as long as they are used.
async fn every_store() -> (Vec<Store>, impl Drop) {
    struct Kept(#[expect(dead_code, reason = "held for its drop")] (tempfile::TempDir, s3::Server));
    impl Drop for Kept {
        fn drop(&mut self) {}
    }
    let folder = tempfile::tempdir().unwrap();
    let server = s3::serve().await;
    let path = folder.path().join("made/on/demand");
    let stores = vec![
        Store::open("memory:").await.unwrap(),
        Store::open(path.to_str().unwrap()).await.unwrap(),
        Store::open_with("s3://audio/below/this", server.settings.clone()).await.unwrap(),
        Store::open_with("s3://audio", server.settings.clone()).await.unwrap(),
    ];
    (stores, Kept((folder, server)))
}

/// Bytes of any length that differ from place to place.
fn bytes(length: usize) -> Vec<u8> {
    (0..length).map(|at| u8::try_from(at * 31 % 251).unwrap()).collect()
}

#[tokio::test]
async fn what_is_put_is_got_whatever_its_size() {
    let (stores, _kept) = every_store().await;
    for store in stores {
        for length in [0, 1, 70_000, 8 * 1_024 * 1_024, 20 * 1_024 * 1_024 + 3] {
            let key = format!("masters/ab/{length}.wav");
            store.put(&key, bytes(length)).await.unwrap();
            assert!(store.get(&key).await.unwrap() == bytes(length), "{} {length}", store.place());
            assert_eq!(store.size(&key).await.unwrap(), Some(length as u64), "{}", store.place());
        }
    }
}

#[tokio::test]
async fn an_absent_object_is_not_found_and_has_no_size() {
    let (stores, _kept) = every_store().await;
    for store in stores {
        let got = store.get("takes/ab/none.wav").await;
        assert!(
            matches!(&got, Err(StoreError::NotFound { key, .. }) if key == "takes/ab/none.wav")
        );
        assert_eq!(store.size("takes/ab/none.wav").await.unwrap(), None);
        assert_eq!(store.list("takes/").await.unwrap(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn writing_again_replaces_the_whole_object() {
    let (stores, _kept) = every_store().await;
    for store in stores {
        store.put("episodes/a/lines.json", bytes(50_000)).await.unwrap();
        store.put("episodes/a/lines.json", "short").await.unwrap();
        assert_eq!(store.get("episodes/a/lines.json").await.unwrap(), "short");
    }
}

#[tokio::test]
async fn a_list_holds_what_lies_below_the_prefix_and_nothing_else() {
    let (stores, _kept) = every_store().await;
    for store in stores {
        for key in ["takes/ab/1.wav", "takes/ab/2.wav", "takes/cd/3.wav", "takes-not", "m/t/x"] {
            store.put(key, "x").await.unwrap();
        }
        let listed: BTreeSet<_> = store.list("takes/").await.unwrap().into_iter().collect();
        let expected = ["takes/ab/1.wav", "takes/ab/2.wav", "takes/cd/3.wav"];
        assert_eq!(listed, expected.map(String::from).into(), "{}", store.place());
    }
}

#[tokio::test]
async fn entries_say_how_long_and_how_old_objects_are() {
    let (stores, _kept) = every_store().await;
    for store in stores {
        store.put("takes/ab/1.wav", bytes(5)).await.unwrap();
        store.put("masters/x", bytes(70)).await.unwrap();
        let all: Vec<Entry> = store.entries("").try_collect().await.unwrap();
        // Two of the stores are one bucket, and one lies below the other.
        let own = all.iter().filter(|it| !it.key.starts_with("below/"));
        let mut found: Vec<_> = own.map(|it| (it.key.as_str(), it.bytes)).collect();
        found.sort_unstable();
        assert_eq!(found, [("masters/x", 70), ("takes/ab/1.wav", 5)], "{}", store.place());
        let now = SystemTime::now();
        for entry in &all {
            // A clock of whole seconds may be ahead of ours or behind.
            let (later, earlier) =
                (now.duration_since(entry.changed_at), entry.changed_at.duration_since(now));
            let apart = later.or(earlier).unwrap();
            assert!(apart < Duration::from_mins(1), "{}: {entry:?}", store.place());
        }
        let takes: Vec<Entry> = store.entries("takes/").try_collect().await.unwrap();
        assert_eq!(takes.len(), 1, "{}", store.place());
        let none: Vec<Entry> = store.entries("none/").try_collect().await.unwrap();
        assert!(none.is_empty(), "{}", store.place());
    }
}

#[tokio::test]
async fn what_is_deleted_is_gone_and_may_be_deleted_again() {
    let (stores, _kept) = every_store().await;
    for store in stores {
        store.put("takes/ab/1.wav", "x").await.unwrap();
        store.put("takes/ab/2.wav", "x").await.unwrap();
        for _ in 0..2 {
            store.delete("takes/ab/1.wav").await.unwrap();
            assert_eq!(store.size("takes/ab/1.wav").await.unwrap(), None, "{}", store.place());
        }
        assert_eq!(store.get("takes/ab/2.wav").await.unwrap(), "x", "{}", store.place());
        assert!(store.delete("../x").await.is_err(), "{}", store.place());
    }
}

#[tokio::test]
async fn what_differs_from_its_hash_is_damaged_and_not_given_out() {
    const OF_ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let (stores, _kept) = every_store().await;
    for store in stores {
        store.put("k/abc", "abc").await.unwrap();
        assert_eq!(store.get_checked("k/abc", OF_ABC).await.unwrap(), "abc");
        store.put("k/abc", "abd").await.unwrap();
        let got = store.get_checked("k/abc", OF_ABC).await;
        assert!(matches!(&got, Err(StoreError::Damaged { key, .. }) if key == "k/abc"), "{got:?}");
    }
}

#[tokio::test]
async fn a_conditional_put_is_tried_and_leaves_nothing_behind() {
    let (stores, _kept) = every_store().await;
    for store in stores {
        let found = store.probe_conditional_put().await.unwrap();
        if !store.place().starts_with("s3:") {
            assert_eq!(found, ConditionalPut::Kept, "{}", store.place());
        }
        assert_eq!(store.list("probes/").await.unwrap(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_part_that_fails_is_sent_again_and_no_other() {
    let server = s3::serve().await;
    let store = Store::open_with("s3://audio", server.settings.clone()).await.unwrap();
    // More often than the driver tries by itself, which is four times.
    for _ in 0..6 {
        server.fail_next("PUT", "partNumber=2");
    }
    let length = 20 * 1_024 * 1_024;
    store.put("masters/ab/long.wav", bytes(length)).await.unwrap();
    assert_eq!(server.count("PUT", "partNumber=2"), 7);
    assert_eq!(server.count("PUT", "partNumber=1"), 1);
    assert_eq!(server.count("POST", "uploads"), 1);
    assert!(store.get("masters/ab/long.wav").await.unwrap() == bytes(length));
}

#[tokio::test]
async fn an_upload_that_cannot_be_finished_is_taken_back() {
    let server = s3::serve().await;
    let store = Store::open_with("s3://audio", server.settings.clone()).await.unwrap();
    for _ in 0..100 {
        server.fail_next("PUT", "partNumber=3");
    }
    let put = store.put("masters/ab/long.wav", bytes(20 * 1_024 * 1_024)).await;
    assert!(matches!(put, Err(StoreError::Unavailable { .. })), "{put:?}");
    let begun = server.count("POST", "uploads");
    assert!(begun >= 1);
    assert_eq!(server.count("DELETE", "uploadId"), begun);
    assert_eq!(store.size("masters/ab/long.wav").await.unwrap(), None);
    let left: Vec<_> = std::fs::read_dir(server.bucket()).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test]
async fn what_is_uploaded_carries_its_checksum() {
    let server = s3::serve().await;
    let store = Store::open_with("s3://audio", server.settings.clone()).await.unwrap();
    store.put("takes/ab/1.wav", "abc").await.unwrap();
    // The server keeps what it was told beside the object, base64 of SHA-256.
    let kept = |entry: std::io::Result<std::fs::DirEntry>| {
        let path = entry.unwrap().path();
        path.is_file()
            && std::fs::read_to_string(path)
                .unwrap()
                .contains("ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=")
    };
    let folder = server.bucket().parent().unwrap().to_owned();
    assert!(std::fs::read_dir(folder).unwrap().any(kept));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_accepts_and_never_answers_is_unavailable_in_the_end() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let settings = S3Settings {
        endpoint: Some(format!("http://{}", listener.local_addr().unwrap())),
        access_key: Some("key".to_owned()),
        secret: Some("secret".to_owned()),
        allow_http: true,
        ..S3Settings::default()
    };
    let store = Store::open_with("s3://audio", settings).await.unwrap();
    let asked = tokio::join!(store.put("a/b", "x"), store.size("a/b"), store.delete("a/b"));
    assert!(matches!(asked.0, Err(StoreError::Unavailable { .. })), "{:?}", asked.0);
    assert!(matches!(asked.1, Err(StoreError::Unavailable { .. })), "{:?}", asked.1);
    assert!(matches!(asked.2, Err(StoreError::Unavailable { .. })), "{:?}", asked.2);
}

#[tokio::test]
async fn a_key_that_would_leave_the_store_is_refused() {
    let (stores, _kept) = every_store().await;
    for store in stores {
        for key in ["../x", "/etc/x", "a/../../x", ""] {
            let put = store.put(key, "x").await;
            assert!(matches!(put, Err(StoreError::Denied { .. })), "{key}: {put:?}");
            assert!(matches!(store.get(key).await, Err(StoreError::Denied { .. })), "{key}");
            assert!(matches!(store.size(key).await, Err(StoreError::Denied { .. })), "{key}");
        }
    }
}

#[tokio::test]
async fn a_reader_sees_all_of_an_object_or_nothing() {
    let (stores, _kept) = every_store().await;
    for store in stores {
        let writer = store.clone();
        let writing = tokio::spawn(async move {
            for round in 0..20_usize {
                writer.put("k/one", vec![u8::try_from(round).unwrap(); 300_000]).await.unwrap();
            }
        });
        while !writing.is_finished() {
            tokio::task::yield_now().await;
            match store.get("k/one").await {
                Ok(got) => {
                    assert_eq!(got.len(), 300_000, "{}", store.place());
                    assert!(got.iter().all(|byte| *byte == got[0]), "{}", store.place());
                }
                Err(StoreError::NotFound { .. }) => {}
                Err(error) => panic!("{}: {error}", store.place()),
            }
        }
        writing.await.unwrap();
    }
}

#[tokio::test]
async fn a_vanished_folder_is_an_outage_and_not_an_empty_store() {
    let parent = tempfile::tempdir().unwrap();
    let (there, away) = (parent.path().join("store"), parent.path().join("away"));
    let store = Store::open(there.to_str().unwrap()).await.unwrap();
    store.put("a/b", "kept").await.unwrap();
    std::fs::rename(&there, &away).unwrap();
    assert!(matches!(store.put("a/c", "x").await, Err(StoreError::Unavailable { .. })));
    assert!(matches!(store.get("a/b").await, Err(StoreError::Unavailable { .. })));
    assert!(matches!(store.size("a/b").await, Err(StoreError::Unavailable { .. })));
    assert!(matches!(store.list("a/").await, Err(StoreError::Unavailable { .. })));
    assert!(!there.exists(), "a write must not make another store in place of the vanished one");
    // What a disk was mounted on, or what a write under way has made.
    std::fs::create_dir(&there).unwrap();
    assert!(matches!(store.put("a/c", "x").await, Err(StoreError::Unavailable { .. })));
    let got = store.get("a/b").await.unwrap_err();
    assert!(matches!(got, StoreError::Unavailable { .. }), "{got}");
    std::fs::remove_dir(&there).unwrap();
    std::fs::rename(&away, &there).unwrap();
    assert_eq!(store.get("a/b").await.unwrap(), "kept");
}

#[tokio::test]
async fn a_file_where_a_folder_should_be_is_denied_with_what_to_do() {
    let parent = tempfile::tempdir().unwrap();
    let file = parent.path().join("file");
    std::fs::write(&file, "x").unwrap();
    let opened = Store::open(file.join("store").to_str().unwrap()).await;
    assert!(matches!(opened, Err(StoreError::Denied { .. })), "{opened:?}");

    let store = Store::open(parent.path().to_str().unwrap()).await.unwrap();
    let put = store.put("file/below", "x").await;
    let Err(StoreError::Denied { advice, .. }) = put else { panic!("{put:?}") };
    assert!(advice.contains("in the way"), "{advice}");
}

#[tokio::test]
#[ignore = "needs a user who is not root: root may write anywhere"]
async fn a_folder_that_may_not_be_written_is_denied_with_what_to_do() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o500)).unwrap();
    let store = Store::open(folder.path().to_str().unwrap()).await.unwrap();
    let put = store.put("a/b", "x").await;
    let Err(StoreError::Denied { advice, .. }) = put else { panic!("{put:?}") };
    assert!(advice.starts_with("let the user of this program write"), "{advice}");
}

#[tokio::test]
async fn a_wrong_secret_is_denied_and_not_repeated() {
    let server = s3::serve().await;
    let secret = Some("hunter2".to_owned());
    let settings = S3Settings { secret, ..server.settings.clone() };
    let store = Store::open_with("s3://audio", settings).await.unwrap();
    let put = store.put("a/b", "x").await;
    assert!(matches!(put, Err(StoreError::Denied { .. })), "{put:?}");
    assert!(!format!("{put:?} {store:?}").contains("hunter2"));
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_unavailable() {
    let free_port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let settings = S3Settings {
        endpoint: Some(format!("http://{free_port}")),
        access_key: Some("key".to_owned()),
        secret: Some("secret".to_owned()),
        allow_http: true,
        ..S3Settings::default()
    };
    let store = Store::open_with("s3://audio", settings).await.unwrap();
    let put = store.put("a/b", "x").await;
    assert!(matches!(put, Err(StoreError::Unavailable { .. })), "{put:?}");
}

#[tokio::test]
async fn an_endpoint_that_everyone_could_read_along_is_refused_unless_allowed() {
    let endpoint = Some("http://minio.example:9000".to_owned());
    let settings = S3Settings { endpoint, ..S3Settings::default() };
    let opened = Store::open_with("s3://audio", settings).await;
    assert!(matches!(opened, Err(StoreError::BadAddress { .. })), "{opened:?}");
}

#[tokio::test]
async fn no_half_written_file_is_listed() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path().to_str().unwrap()).await.unwrap();
    store.put("takes/ab/1.wav", "x").await.unwrap();
    // What a writer that was killed leaves behind.
    std::fs::write(folder.path().join("takes/ab/2.wav#1"), "half").unwrap();
    assert_eq!(store.list("takes/").await.unwrap(), ["takes/ab/1.wav"]);
    store.put("takes/ab/2.wav", "whole").await.unwrap();
    assert_eq!(store.get("takes/ab/2.wav").await.unwrap(), "whole");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn any_plain_key_names_its_own_object(
        keys in proptest::collection::btree_set("[a-z0-9][a-zA-Z0-9_.@=+-]{0,12}", 1..12)
    ) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let folder = tempfile::tempdir().unwrap();
            let places = ["memory:", folder.path().to_str().unwrap()];
            for place in places {
                let store = Store::open(place).await.unwrap();
                for key in &keys {
                    store.put(&format!("p/{key}"), key.clone()).await.unwrap();
                }
                for key in &keys {
                    assert_eq!(store.get(&format!("p/{key}")).await.unwrap(), key.as_str());
                }
                assert_eq!(store.list("p/").await.unwrap().len(), keys.len());
            }
        });
    }
}

#[tokio::test]
async fn a_piece_of_an_object_is_read_as_it_stands_there() {
    let (stores, _kept) = every_store().await;
    for store in stores {
        store.put("takes/ab/a.wav", "0123456789").await.unwrap();
        for (range, piece) in [(0..10, "0123456789"), (0..1, "0"), (3..7, "3456"), (9..10, "9")] {
            let read = store.get_range("takes/ab/a.wav", range.clone()).await.unwrap();
            assert_eq!(read, piece, "{range:?} of {}", store.place());
        }
        let missing = store.get_range("takes/ab/b.wav", 0..1).await.unwrap_err();
        assert!(matches!(missing, StoreError::NotFound { .. }), "{missing}");
        assert!(store.get_range("../a", 0..1).await.is_err());
    }
}

#[tokio::test]
async fn a_link_fetches_its_object_without_credentials_and_nothing_else() {
    let server = s3::serve().await;
    let store = Store::open_with("s3://audio/show", server.settings.clone()).await.unwrap();
    store.put("takes/ab/a.wav", "sound").await.unwrap();
    store.put("takes/ab/b.wav", "other").await.unwrap();
    let link = store.presign("takes/ab/a.wav", Duration::from_mins(1)).await.unwrap().unwrap();
    let fetch = async |link: &str| reqwest::get(link).await.unwrap();
    let fetched = fetch(&link).await;
    assert_eq!((fetched.status().as_u16(), &*fetched.bytes().await.unwrap()), (200, &b"sound"[..]));
    for bent in [
        link.replace("a.wav", "b.wav"),
        link.replace("X-Amz-Expires=60", "X-Amz-Expires=3600"),
        link.split('?').next().unwrap().to_owned(),
    ] {
        assert_ne!(fetch(&bent).await.status().as_u16(), 200, "{bent}");
    }
}
