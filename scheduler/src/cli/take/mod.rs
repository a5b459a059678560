//! `tableread take`: takes of a line beside the usual one, and which of them is heard.

mod act;
mod follow;
mod list;
mod make;
mod spot;

use std::path::PathBuf;

use clap::Args;
use schemas::LineId;
use worker::ModelArgs;

use super::Exit;
use super::change::parse_line;
use super::place::PlaceArgs;
use spot::Spot;

#[cfg(test)]
pub(crate) use list::TakeRow;

/// Renders alternatives of a line, takes in a recording of it, chooses and approves takes
#[derive(Debug, Args)]
#[command(after_help = "\
Take 1 of a line is the usual one, which script and cast give; alternatives and recordings count on from
there. A choice holds across edits for as long as the line's words, voice and language stay (a
recording's, for as long as its words do); when one holds no more, the next plan or render says so. No
take is ever lost or overwritten, and every decision can be undone.

Examples:
  tableread take sc001-l0004 --alternatives 5 --out pilot      five more, as one batch
  tableread take sc001-l0004 --alternatives 2 --direction whispering --out pilot
  tableread take sc001-l0004 --to takes --out pilot            files to listen to
  tableread take sc001-l0004 --choose 3 --out pilot            masters the episode again with take 3
  tableread take sc001-l0004 --undo --out pilot
  tableread take sc001-l0004 --recording mira.wav --performer 'M. Ito' --out pilot
  tableread take sc001-l0004 --approve --out pilot
  tableread take --approve-all --character MIRA --out pilot

Exit code: 0; 1 could not be done; 3 some takes or lines failed; 130 interrupted.")]
pub(crate) struct TakeArgs {
    /// Line, e.g. sc001-l0004
    #[arg(value_parser = parse_line, required_unless_present = "approve_all")]
    line: Option<LineId>,
    /// Episode (its newest submission) or submission [default: the one that has the line]
    #[arg(long, value_name = "ID")]
    episode: Option<String>,
    #[command(flatten)]
    action: ActionArgs,
    /// How alternatives are to be spoken, in words: told to the model, or the mood of a cloned voice
    #[arg(long, value_name = "WORDS", requires = "alternatives")]
    direction: Option<String>,
    /// Who recorded it [default: the character]
    #[arg(long, value_name = "NAME", requires = "recording")]
    performer: Option<String>,
    /// Where the performer's consent is recorded; kept in the manifest
    #[arg(long, value_name = "TEXT", requires = "recording")]
    consent_note: Option<String>,
    /// Only lines of this character, as `status` calls it
    #[arg(long, value_name = "NAME", requires = "approve_all")]
    character: Option<String>,
    /// Leave the work to the workers of the queue
    #[arg(long)]
    farm: bool,
    /// Print the line's takes as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    models: ModelArgs,
    #[command(flatten)]
    place: PlaceArgs,
}

/// What is to be done; the takes are listed when nothing is.
#[derive(Debug, Args)]
#[group(multiple = false)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command, and they exclude each other"
)]
struct ActionArgs {
    /// List the takes: what else happens when nothing is asked for
    #[arg(long)]
    list: bool,
    /// Render N more takes with other seeds, as one batch; the episode stays as it is
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=64))]
    alternatives: Option<u8>,
    /// Write the takes as WAV into a folder
    #[arg(long, value_name = "DIR")]
    to: Option<PathBuf>,
    /// Have take K heard in the episode, from now on
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u32).range(1..))]
    choose: Option<u32>,
    /// Have a person's recording heard: WAV of 16, 24 or 32 bits
    #[arg(long, value_name = "FILE")]
    recording: Option<PathBuf>,
    /// Undo the last choice or approval
    #[arg(long)]
    undo: bool,
    /// Do again what was undone last
    #[arg(long)]
    redo: bool,
    /// Approve the take that is heard now
    #[arg(long)]
    approve: bool,
    /// Take back the approval of the take that is heard now
    #[arg(long)]
    withdraw: bool,
    /// Approve the takes of all lines that are delivered
    #[arg(long)]
    approve_all: bool,
}

pub(crate) async fn run(args: TakeArgs) -> anyhow::Result<Exit> {
    if args.action.approve_all {
        return act::approve_all(&args).await;
    }
    let mut spot = Spot::find(&args).await?;
    let exit = match &args.action {
        ActionArgs { alternatives: Some(count), .. } => {
            make::alternatives(&mut spot, &args, (*count).into()).await?
        }
        ActionArgs { recording: Some(file), .. } => make::recording(&mut spot, &args, file).await?,
        ActionArgs { choose: Some(number), .. } => act::choose(&mut spot, &args, *number).await?,
        ActionArgs { to: Some(folder), .. } => list::write_files(&spot, folder).await?,
        ActionArgs { undo: true, .. } => act::undo(&mut spot, &args).await?,
        ActionArgs { redo: true, .. } => act::redo(&mut spot, &args).await?,
        ActionArgs { approve: true, .. } => act::approve(&mut spot, &args, true).await?,
        ActionArgs { withdraw: true, .. } => act::approve(&mut spot, &args, false).await?,
        ActionArgs { .. } => Exit::Done,
    };
    if args.action.to.is_none() {
        list::print(&spot, args.json).await?;
    }
    Ok(exit)
}
