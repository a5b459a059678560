//! A short trial; `ops/chaos` runs long ones.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::path::Path;

use trials::chaos::{Programs, Trial, run};

fn trial(lines: usize, faults: usize) -> Trial {
    let programs = Programs::beside(Path::new(env!("CARGO_BIN_EXE_chaos"))).unwrap();
    Trial { lines, workers: 4, faults, seed: 11, lease_ms: 3_000, programs }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_farm_under_faults_loses_and_doubles_nothing() {
    let verdict = run(&trial(240, 8)).await.unwrap();
    assert!(verdict.is_good(), "{verdict:#?}");
    assert_eq!((verdict.lines, verdict.delivered), (240, 240));
    // What a machine cannot make is named, never counted as made.
    assert_eq!(verdict.faults, 8);
    assert!(verdict.left_out.iter().all(|kind| !verdict.made.contains_key(kind)));
}
