//! `tableread voices choose`: which candidate it is.

use ::voices::VoiceName;
use clap::Args;

use crate::cli::Exit;
use crate::cli::config::program;
use crate::cli::output::{json_line, line};
use crate::cli::place::PlaceArgs;
use crate::voices::Draft;

/// Chooses a candidate as the voice; another choice replaces it until the voice is locked
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  tableread voices choose mira 2")]
pub(crate) struct ChooseArgs {
    /// The voice
    name: VoiceName,
    /// The candidate's number
    candidate: u32,
    /// Print JSON: {"voice": …, "chosen": N}
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: PlaceArgs,
}

pub(crate) async fn run(args: ChooseArgs) -> anyhow::Result<Exit> {
    let store = args.place.existing()?.open_store().await?;
    let mut draft = Draft::read(&store, &args.name).await?;
    let number = draft.candidate(args.candidate)?.number;
    draft.chosen = Some(number);
    draft.keep(&store).await?;
    let name = &draft.name;
    if args.json {
        json_line(&serde_json::json!({ "voice": name, "chosen": number }))?;
    } else {
        line(format!("candidate {number} is {name}"))?;
        let place = args.place.as_typed();
        line(format!("Lock it: {} voices lock {name}{place}", program()))?;
    }
    Ok(Exit::Done)
}
