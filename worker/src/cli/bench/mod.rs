//! `tableread-worker bench`.

mod measure;
mod memory;
mod report;

use std::process::ExitCode;

use super::answer;
use crate::config::BenchArguments;

/// Measures how fast this machine speaks.
///
/// # Errors
/// When the device or the model cannot be used, and when the device fails.
pub(super) async fn bench(arguments: BenchArguments) -> anyhow::Result<ExitCode> {
    let is_json = arguments.json;
    let report = tokio::task::spawn_blocking(move || measure::measure(&arguments)).await??;
    answer(&if is_json { serde_json::to_string(&report)? } else { report.table() })?;
    Ok(ExitCode::SUCCESS)
}
