//! Audio is fetched as it was stored, whole and in pieces.

use std::time::Duration;

use scheduler::serve::Limits;
use schemas::Manifest;
use sha2::{Digest as _, Sha256};

use crate::client::Ask;
use crate::common::{Server, With};

fn sha256(bytes: &[u8]) -> String {
    schemas::hex(&Sha256::digest(bytes))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_episode_goes_in_and_its_lines_come_out_whole_and_in_pieces() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path()).await;
    server.submit().await;
    let line = "/v1/episodes/two-keys/lines/sc001-l0002";
    let early = server.get(format!("{line}/audio.m4a")).await.expect(409).json();
    assert!(early["detail"].as_str().unwrap().contains("waiting"), "{early}");
    server.render(folder.path()).await;

    let progress = server.get("/v1/episodes/two-keys").await.expect(200).json();
    assert_eq!((&progress["state"], &progress["lines"]["done"]), (&"done".into(), &3.into()));
    let story = server.get(line).await.expect(200).json();
    assert_eq!(story["line"]["job"]["character"], "BOB");
    let told: Vec<_> = story["events"].as_array().unwrap().iter().map(|e| &e["what"]).collect();
    assert_eq!(told.last().unwrap().as_str(), Some("mastered"), "{told:?}");
    let manifest = server.get("/v1/episodes/two-keys/manifest").await;
    let facts = &manifest.expect(200).json()["lines"][1]["delivery"];
    assert_eq!(*facts, story["line"]["delivery"]);

    let whole = server.get(format!("{line}/audio.m4a")).await;
    assert_eq!(whole.expect(200).header("content-type"), Some("audio/mp4"));
    assert_eq!(sha256(&whole.body), facts["delivery_sha256"]);
    assert!(!audio::decode_aac(&whole.body).unwrap().samples.is_empty());
    let etag = whole.header("etag").unwrap();
    assert_eq!(etag, format!("\"{}\"", sha256(&whole.body)));

    let ranged = async |range: &str| {
        server.ask(Ask::get(format!("{line}/audio.m4a")).header("Range", range)).await
    };
    let len = whole.body.len();
    for (range, part, told) in [
        ("bytes=0-99", &whole.body[..100], format!("bytes 0-99/{len}")),
        ("bytes=100-", &whole.body[100..], format!("bytes 100-{}/{len}", len - 1)),
        ("bytes=-7", &whole.body[len - 7..], format!("bytes {}-{}/{len}", len - 7, len - 1)),
    ] {
        let reply = ranged(range).await;
        assert_eq!(reply.expect(206).header("content-range"), Some(told.as_str()));
        assert_eq!(reply.body, part, "{range}");
    }
    let beyond = ranged(&format!("bytes={len}-")).await;
    assert_eq!(beyond.expect(416).header("content-range"), Some(format!("bytes */{len}").as_str()));

    let known = Ask::get(format!("{line}/audio.m4a")).header("If-None-Match", etag);
    assert!(server.ask(known).await.expect(304).body.is_empty());
    let head = server.ask(Ask::new("HEAD", format!("{line}/audio.m4a"))).await;
    assert_eq!(head.expect(200).header("content-length"), Some(len.to_string().as_str()));
    assert!(head.body.is_empty());

    let for_good = server.get(whole.header("content-location").unwrap()).await;
    assert_eq!(for_good.expect(200).body, whole.body);
    assert!(for_good.header("cache-control").unwrap().contains("immutable"));
    assert!(!whole.header("cache-control").unwrap().contains("immutable"));
    let master = server.get(format!("{line}/master.wav")).await;
    assert_eq!(master.expect(200).header("content-type"), Some("audio/wav"));
    let samples = audio::read_wav(&master.body).unwrap().samples.len();
    assert_eq!(samples as u64, facts["samples"].as_u64().unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_episode_became_is_stored_without_being_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let manifest_poll = Duration::from_millis(10);
    let limits = Limits { manifest_poll, ..Limits::default() };
    let server = Server::start_with(folder.path(), With { limits, ..With::default() }).await;
    let id = server.submit().await["submission"].as_str().unwrap().to_owned();
    let stored = async |delivered: u64| loop {
        let key = format!("episodes/two-keys/{id}/manifest.json");
        if let Ok(json) = server.store.get(&key).await
            && serde_json::from_slice::<Manifest>(&json).unwrap().totals.delivered == delivered
        {
            break;
        }
    };
    let within = |stored| tokio::time::timeout(Duration::from_mins(1), stored);
    server.ask(Ask::post("/v1/episodes/two-keys/cancel")).await.expect(200);
    within(stored(0)).await.expect("the manifest is stored");
    server.ask(Ask::post("/v1/episodes/two-keys/retry")).await.expect(200);
    server.render(folder.path()).await;
    within(stored(3)).await.expect("the manifest is stored anew");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_master_of_many_pieces_comes_whole() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path()).await;
    let key = "ab".repeat(32);
    let bytes: Vec<u8> = (0..=250u8).cycle().take(1_300_000).collect();
    server.store.put(&format!("masters/ab/{key}.wav"), bytes.clone()).await.unwrap();
    assert_eq!(server.get(format!("/v1/masters/{key}")).await.expect(200).body, bytes);
    let ask = Ask::get(format!("/v1/masters/{key}")).header("Range", "bytes=524287-1048577");
    assert_eq!(server.ask(ask).await.expect(206).body, bytes[524_287..=1_048_577]);
    server.get(format!("/v1/masters/{}", "cd".repeat(32))).await.expect(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mix_is_there_once_it_was_exported_for_this_very_submission() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path()).await;
    let taken = server.submit().await;
    server.get("/v1/episodes/two-keys/episode.m4a").await.expect(404);
    server.render(folder.path()).await;
    let id = schemas::SubmissionId::parse(taken["submission"].as_str().unwrap()).unwrap();
    let manifest =
        scheduler::finish::finish(server.queue.as_ref(), &server.store, &id).await.unwrap();
    let exported =
        scheduler::export::export(&manifest, &server.store, folder.path()).await.unwrap();
    let file = std::fs::read(exported.mix.unwrap()).unwrap();
    let mix = server.get("/v1/episodes/two-keys/episode.m4a").await;
    assert_eq!(mix.expect(200).body, file);
    let part = Ask::get("/v1/episodes/two-keys/episode.m4a").header("Range", "bytes=10-19");
    assert_eq!(server.ask(part).await.expect(206).body, file[10..20]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_gives_no_links_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path()).await;
    let key = "ab".repeat(32);
    server.store.put(&format!("masters/ab/{key}.wav"), "wave").await.unwrap();
    server.get(format!("/v1/masters/{key}?presign=true")).await.expect(501);
    server.get(format!("/v1/masters/{key}?presign=true&expires_s=3601")).await.expect(400);
    server.get(format!("/v1/masters/{key}?presign=perhaps")).await.expect(400);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_to_a_bucket_holds_for_as_long_as_was_asked_and_shows_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    // Nothing is fetched from it: signing needs no network.
    let settings = store::S3Settings {
        endpoint: Some("http://127.0.0.1:9".into()),
        access_key: Some("key".into()),
        secret: Some("hunter2hunter2".into()),
        allow_http: true,
        ..store::S3Settings::default()
    };
    let bucket = store::Store::open_with("s3://audio/show", settings).await.unwrap();
    let holds = std::time::Duration::from_secs(90);
    let link = bucket.presign("masters/ab/ab.wav", holds).await.unwrap().unwrap();
    assert!(link.starts_with("http://127.0.0.1:9/audio/show/masters/ab/ab.wav?"), "{link}");
    assert!(link.contains("X-Amz-Expires=90") && link.contains("X-Amz-Signature="), "{link}");
    assert!(!link.contains("hunter2"), "{link}");
    let longest = bucket.presign("a", std::time::Duration::from_hours(24)).await.unwrap().unwrap();
    assert!(longest.contains("X-Amz-Expires=3600"), "{longest}");
    assert!(bucket.presign("../a", holds).await.is_err());
    let local = store::Store::open(folder.path().to_str().unwrap()).await.unwrap();
    assert_eq!(local.presign("a", holds).await.unwrap(), None);
}
