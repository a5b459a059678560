//! `tableread check`: what in a screenplay is doubtful.

use std::path::PathBuf;

use clap::Args;
use screenplay::{Doubt, Severity};
use serde::Serialize;

use super::Exit;
use super::output::{counted, json_line, line, note};

/// Lists what the reader was not sure of, with line, column and what to do
#[derive(Debug, Args)]
#[command(after_help = "\
Exit code: 0 when nothing is doubtful, 2 when something is, 1 when the file cannot be read.")]
pub(crate) struct CheckArgs {
    /// Screenplay: Fountain, FDX, Highland, TextBundle or TextPack
    file: PathBuf,
    /// Print JSON: one doubt a line
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct Row<'a> {
    file: String,
    line: u32,
    column: u32,
    #[serde(flatten)]
    doubt: &'a Doubt,
}

pub(crate) fn run(args: &CheckArgs) -> anyhow::Result<Exit> {
    let script = screenplay::read_path(&args.file)?;
    let file = args.file.display().to_string();
    for doubt in &script.doubts {
        let (at_line, column) = (doubt.span.line, doubt.span.column);
        if args.json {
            json_line(&Row { file: file.clone(), line: at_line, column, doubt })?;
        } else {
            let severity = match doubt.severity {
                Severity::Warning => "warning",
                Severity::Error => "error",
            };
            let (message, suggestion) = (&doubt.message, &doubt.suggestion);
            line(format!("{file}:{at_line}:{column}: {severity}: {message}; {suggestion}"))?;
        }
    }
    if script.doubts.is_empty() {
        note(format!("{file}: nothing doubtful"));
        Ok(Exit::Done)
    } else {
        note(format!("{file}: {}", counted(script.doubts.len() as u64, "doubt")));
        Ok(Exit::Doubts)
    }
}
