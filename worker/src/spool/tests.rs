use std::path::Path;

use super::*;

struct Stage {
    folder: tempfile::TempDir,
    store: Store,
}

impl Stage {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path().join("store").to_str().unwrap()).await.unwrap();
        Self { folder, store }
    }

    fn spool(&self, limit_bytes: u64) -> Spool {
        let folder = self.folder.path().join("spool");
        Spool::open(&SpoolSettings { folder, limit_bytes }, &self.store).unwrap()
    }

    fn cut(&self) {
        std::fs::rename(self.folder.path().join("store"), self.folder.path().join("away")).unwrap();
    }

    fn mend(&self) {
        std::fs::rename(self.folder.path().join("away"), self.folder.path().join("store")).unwrap();
    }
}

fn pair(name: &str) -> [Object; 2] {
    let object =
        |end: &str| (format!("takes/ab/{name}.{end}"), Bytes::from(format!("{name} {end}")));
    [object("wav"), object("json")]
}

fn files_below(folder: &Path) -> Vec<String> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            names.extend(files_below(&path));
        } else {
            names.push(path.file_name().unwrap().to_str().unwrap().to_owned());
        }
    }
    names.retain(|name| name != "lock");
    names.sort();
    names
}

#[tokio::test]
async fn what_is_kept_is_uploaded_in_order_once_the_store_is_back_and_then_removed() {
    let stage = Stage::new().await;
    let spool = stage.spool(1_000);
    stage.cut();
    let gone = stage.store.put("a/b", "x").await.unwrap_err();
    spool.note_away(&gone);
    let one = spool.keep(pair("one")).await.unwrap();
    let two = spool.keep(pair("two")).await.unwrap();
    assert!(spool.is_away() && !spool.is_full());
    assert!(spool.detail().unwrap().contains("cannot be reached; rendering goes on"));
    assert_eq!(files_below(&stage.folder.path().join("spool")).len(), 4);
    stage.mend();
    tokio::select! {
        refused = spool.upload(&stage.store) => panic!("{refused}"),
        () = async { one.await.unwrap(); two.await.unwrap() } => {}
    }
    for (key, bytes) in pair("one").into_iter().chain(pair("two")) {
        assert_eq!(stage.store.get(&key).await.unwrap(), bytes);
    }
    assert!(!spool.is_away());
    assert_eq!(spool.detail(), None);
    assert_eq!(files_below(&stage.folder.path().join("spool")), Vec::<String>::new());
}

#[tokio::test]
async fn nothing_is_said_to_be_stored_before_it_is() {
    let stage = Stage::new().await;
    let spool = stage.spool(1_000);
    stage.cut();
    let mut stored = spool.keep(pair("one")).await.unwrap();
    assert_eq!(spool.flush(&stage.store).await, 2);
    assert!(stored.try_recv().is_err());
    stage.mend();
    assert_eq!(spool.flush(&stage.store).await, 0);
    assert!(stored.try_recv().is_ok());
}

#[tokio::test]
async fn what_does_not_fit_comes_back_and_no_more_is_asked_for_until_the_store_is_there() {
    let stage = Stage::new().await;
    let spool = stage.spool(20);
    spool.keep(pair("one")).await.unwrap();
    let refused = spool.keep(pair("two")).await.unwrap_err();
    assert_eq!(refused, pair("two"));
    assert!(spool.is_full());
    assert!(spool.detail().unwrap().ends_with("no more lines are taken until the store is back"));
    tokio::select! {
        refused = spool.upload(&stage.store) => panic!("{refused}"),
        () = spool.back() => {}
    }
    assert!(!spool.is_full());
    assert_eq!(spool.flush(&stage.store).await, 0);
    spool.keep(pair("two")).await.unwrap();
}

#[tokio::test]
async fn a_disk_that_cannot_be_written_gives_the_audio_back() {
    let stage = Stage::new().await;
    let spool = stage.spool(1_000);
    std::fs::remove_dir_all(stage.folder.path().join("spool")).unwrap();
    assert_eq!(spool.keep(pair("one")).await.unwrap_err(), pair("one"));
    assert!(spool.is_full());
    // The room that was set aside for it is free again.
    assert_eq!(spool.lock().bytes, 0);
}

#[tokio::test]
async fn audio_that_the_disk_lost_is_not_said_to_be_stored_and_neither_are_its_facts() {
    let stage = Stage::new().await;
    let spool = stage.spool(1_000);
    let one = spool.keep(pair("one")).await.unwrap();
    let two = spool.keep(pair("two")).await.unwrap();
    std::fs::remove_file(spool.first().unwrap().0).unwrap();
    assert_eq!(spool.flush(&stage.store).await, 0);
    assert!(one.await.is_err());
    assert!(two.await.is_ok());
    assert_eq!(stage.store.size("takes/ab/one.json").await.unwrap(), None);
    assert_eq!(spool.lock().bytes, 0);
}

#[tokio::test]
async fn what_a_killed_worker_kept_is_uploaded_by_the_next_and_halves_are_not() {
    let stage = Stage::new().await;
    let killed = stage.spool(1_000);
    killed.keep(pair("one")).await.unwrap();
    std::fs::write(killed.files.folder().join("7.part"), "half").unwrap();
    // A second one at the same time has a part of its own.
    let other = stage.spool(1_000);
    assert_ne!(other.files.folder(), killed.files.folder());
    assert!(other.first().is_none(), "what a living worker has is not taken from it");
    other.keep(pair("two")).await.unwrap();
    drop((killed, other));

    let next = stage.spool(1_000);
    assert_eq!(files_below(&stage.folder.path().join("spool")).len(), 4);
    assert_eq!(next.flush(&stage.store).await, 0);
    for (key, bytes) in pair("one").into_iter().chain(pair("two")) {
        assert_eq!(stage.store.get(&key).await.unwrap(), bytes);
    }
}

#[tokio::test]
async fn audio_for_one_store_is_never_uploaded_to_another() {
    let stage = Stage::new().await;
    stage.spool(1_000).keep(pair("one")).await.unwrap();
    let other = Store::open(stage.folder.path().join("other").to_str().unwrap()).await.unwrap();
    let settings = SpoolSettings { folder: stage.folder.path().join("spool"), limit_bytes: 1_000 };
    let spool = Spool::open(&settings, &other).unwrap();
    assert!(spool.first().is_none());
}

#[tokio::test]
async fn a_store_that_refuses_ends_the_uploads_and_the_audio_stays() {
    let stage = Stage::new().await;
    let spool = stage.spool(1_000);
    spool.keep(pair("one")).await.unwrap();
    // A file where the folder of takes should be.
    std::fs::write(stage.folder.path().join("store/takes"), "").unwrap();
    let refused = spool.upload(&stage.store).await;
    assert!(matches!(refused, StoreError::Denied { .. }), "{refused:?}");
    assert_eq!(files_below(&stage.folder.path().join("spool")).len(), 2);
}

#[cfg(unix)]
#[tokio::test]
async fn nobody_else_can_look_into_the_folder() {
    use std::os::unix::fs::PermissionsExt;
    let stage = Stage::new().await;
    let spool = stage.spool(1_000);
    for folder in [spool.files.folder(), &stage.folder.path().join("spool")] {
        let mode = std::fs::metadata(folder).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{}", folder.display());
    }
}
