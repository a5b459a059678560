//! `tableread voices verify`.

use ::voices::VoiceName;
use clap::Args;

use super::wanted::library;
use crate::cli::Exit;
use crate::cli::output::{counted, is_watched, json_pretty, line, note};
use crate::cli::place::PlaceArgs;

/// Reads and hashes every byte of the library, and says what is damaged
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tableread voices verify
  tableread voices verify mira                      all versions of one voice
  tableread voices verify --json | jq .faults

Exit code 3 when something is damaged or missing.")]
pub(super) struct VerifyArgs {
    /// A voice; all of them when left out
    name: Option<VoiceName>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: PlaceArgs,
}

pub(super) async fn run(args: VerifyArgs) -> anyhow::Result<Exit> {
    let library = library(&args.place).await?;
    let is_watched = is_watched();
    let seen = |voice: &str| {
        if is_watched {
            note(format!("reading {voice}"));
        }
    };
    let verdicts = library.verify(args.name.as_ref(), seen).await?;
    if args.json {
        json_pretty(&verdicts)?;
    } else {
        for fault in &verdicts.faults {
            line(format!("{}@{}: {}", fault.name, fault.version, fault.problem))?;
        }
        let voices = counted(verdicts.voices, "version");
        let objects = counted(verdicts.objects, "object");
        let faults = match verdicts.faults.len() as u64 {
            0 => "all whole".to_owned(),
            faults => counted(faults, "fault"),
        };
        line(format!("{voices} of voices, {objects}: {faults}"))?;
    }
    Ok(if verdicts.faults.is_empty() { Exit::Done } else { Exit::SomeFailed })
}
