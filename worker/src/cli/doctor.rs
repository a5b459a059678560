//! `tableread-worker doctor`.

mod device;

use std::path::Path;
use std::process::ExitCode;

use schemas::{ScratchSynthesiser, VoiceSource};
use serde::Serialize;
use store::Store;

use super::{answer, speak};
use crate::config::DoctorArguments;

/// A sentence in each language that is built in.
const SENTENCES: [(&str, &str); 6] = [
    ("en-US", "The ferry leaves at nine."),
    ("en-GB", "The ferry leaves at nine."),
    ("de-DE", "Die Fähre fährt um neun."),
    ("fr-FR", "Le bateau part à neuf heures."),
    ("es-ES", "El barco sale a las nueve."),
    ("it-IT", "Il traghetto parte alle nove."),
];

/// What one check found.
#[derive(Debug, Serialize)]
struct Check {
    /// What was checked.
    name: String,
    /// How it stands.
    state: State,
    /// One sentence more.
    detail: String,
    /// Of a stage of a model: the largest difference from the reference, `null` if a number is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    largest: Option<f32>,
    /// How large it may be.
    #[serde(skip_serializing_if = "Option::is_none")]
    tolerance: Option<f32>,
}

/// How a check stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    /// It works.
    Ok,
    /// It is not there, and need not be.
    Absent,
    /// It does not work.
    Failed,
}

/// All that was checked.
#[derive(Debug, Serialize)]
struct Findings {
    /// Whether nothing failed.
    is_ok: bool,
    /// In the order they were made.
    checks: Vec<Check>,
}

/// Checks what this machine can do; exit code 1 when something does not work.
///
/// # Errors
/// When the answer cannot be written.
pub(super) async fn doctor(arguments: &DoctorArguments) -> anyhow::Result<ExitCode> {
    let mut checks = Vec::new();
    for (language, sentence) in SENTENCES {
        let said = said(arguments, ScratchSynthesiser::Pico, sentence, language).await;
        checks.push(check(format!("pico {language}"), said));
    }
    checks.extend(program_checks(arguments).await);
    checks.extend(device::checks(arguments.device.processor()).await);
    if let Some(address) = arguments.places.store() {
        checks.push(check("store".to_owned(), store_works(arguments, &address).await));
    }
    if let Some(address) = arguments.places.queue() {
        checks.push(check("queue".to_owned(), queue_works(&address).await));
    }
    let is_ok = checks.iter().all(|check| check.state != State::Failed);
    let findings = Findings { is_ok, checks };
    answer(&if arguments.json { serde_json::to_string(&findings)? } else { table(&findings) })?;
    Ok(if is_ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn check(name: String, outcome: anyhow::Result<String>) -> Check {
    let (state, detail) = match outcome {
        Ok(detail) => (State::Ok, detail),
        Err(error) => (State::Failed, format!("{error:#}")),
    };
    Check { name, state, detail, largest: None, tolerance: None }
}

async fn said(
    arguments: &DoctorArguments,
    synthesiser: ScratchSynthesiser,
    sentence: &str,
    language: &str,
) -> anyhow::Result<String> {
    let source =
        VoiceSource::Scratch { synthesiser, base: None, pitch: 1.0, formant: 1.0, rate: 1.0 };
    let (sentence, language) = (sentence.to_owned(), language.to_owned());
    let said = speak::say(&arguments.engine, source, sentence, language).await?;
    let length_ms = said.samples.len() as u64 * 1_000 / u64::from(said.rate_hz.max(1));
    anyhow::ensure!(length_ms > 300, "a sentence came out only {length_ms} ms long");
    Ok(format!("spoke a sentence of {length_ms} ms"))
}

/// The synthesisers that may be installed beside the one built in.
async fn program_checks(arguments: &DoctorArguments) -> Vec<Check> {
    let programs = arguments.engine.programs();
    let mut checks = Vec::new();
    for (name, path, synthesiser) in [
        ("say", programs.say, ScratchSynthesiser::Say),
        ("espeak-ng", programs.espeak, ScratchSynthesiser::Espeak),
    ] {
        checks.push(match path {
            Some(path) => {
                let said = said(arguments, synthesiser, SENTENCES[0].1, SENTENCES[0].0).await;
                let said = said.map(|detail| format!("{}: {detail}", path.display()));
                check(name.to_owned(), said)
            }
            None => Check {
                name: name.to_owned(),
                state: State::Absent,
                detail: "not installed; only needed for voices that name it".to_owned(),
                largest: None,
                tolerance: None,
            },
        });
    }
    checks
}

/// Writes and reads one small object, always the same.
async fn store_works(arguments: &DoctorArguments, address: &str) -> anyhow::Result<String> {
    const KEY: &str = "doctor/probe.txt";
    const TEXT: &str = "written by tableread-worker doctor; may be deleted\n";
    let store = Store::open_with(address, arguments.places.s3()).await?;
    store.put(KEY, TEXT).await?;
    anyhow::ensure!(store.get(KEY).await? == TEXT, "what was written came back changed");
    Ok(format!("{} can be written and read", store.place()))
}

/// Opens the queue and asks what is in it; makes none where there is none.
async fn queue_works(address: &str) -> anyhow::Result<String> {
    let path = address.strip_prefix("sqlite:").unwrap_or(address);
    if !address.contains("://") && !Path::new(path).exists() {
        anyhow::bail!("{path} does not exist; `tableread render` or `tableread enqueue` makes it");
    }
    let address = address.to_owned();
    let queue = tokio::task::spawn_blocking(move || queue::open(&address)).await??;
    let submissions = queue.submissions(None).await?;
    let open: u64 = submissions.iter().map(|progress| progress.lines.open()).sum();
    Ok(format!("{} submissions, {open} lines open", submissions.len()))
}

fn table(findings: &Findings) -> String {
    let width = findings.checks.iter().map(|check| check.name.len()).max().unwrap_or(0);
    let lines = findings.checks.iter().map(|check| {
        let state = match check.state {
            State::Ok => "ok",
            State::Absent => "absent",
            State::Failed => "FAILED",
        };
        format!("{state:<6}  {:<width$}  {}", check.name, check.detail)
    });
    lines.collect::<Vec<_>>().join("\n")
}
