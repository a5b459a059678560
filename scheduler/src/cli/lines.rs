//! `tableread lines`: what is said, in order.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::Exit;
use super::output::{json_line, line, table};
use crate::plan::{Line, Parenthetical, spoken_lines};

/// Prints what characters say, in order
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tableread lines pilot.fountain
  tableread lines pilot.fdx --json | jq -r 'select(.character == \"MIRA\") | .text'")]
pub(crate) struct LinesArgs {
    /// Screenplay: Fountain, FDX, Highland, TextBundle or TextPack
    file: PathBuf,
    /// Print JSON: one line of dialogue a line
    #[arg(long)]
    json: bool,
}

/// One line of dialogue, for programs.
#[derive(Debug, Serialize)]
struct Row<'a> {
    id: &'a str,
    /// The scene's heading.
    scene: &'a str,
    /// Counts headings from 1.
    scene_number: u32,
    /// The number the script gives the scene.
    scene_label: Option<&'a str>,
    character: &'a str,
    /// What is said; what the positions of parentheticals count in, in bytes.
    text: &'a str,
    is_sung: bool,
    extensions: Vec<String>,
    parentheticals: &'a [Parenthetical],
    dual: Option<screenplay::Dual>,
    line: u32,
    column: u32,
}

pub(crate) fn run(args: &LinesArgs) -> anyhow::Result<Exit> {
    let script = screenplay::read_path(&args.file)?;
    let lines = spoken_lines(&script)?;
    if args.json {
        for line in &lines {
            json_line(&row(line))?;
        }
        return Ok(Exit::Done);
    }
    let mut rows = table(&["id", "character", "text"], &[]);
    for line in &lines {
        rows.add_row([line.id.as_str(), &line.character, &line.text]);
    }
    line(rows.to_string())?;
    Ok(Exit::Done)
}

fn row(line: &Line) -> Row<'_> {
    Row {
        id: line.id.as_str(),
        scene: &line.scene.heading,
        scene_number: line.scene.number,
        scene_label: line.scene.label.as_deref(),
        character: &line.character,
        text: &line.text,
        is_sung: line.is_sung(),
        extensions: line.extensions.iter().cloned().map(String::from).collect(),
        parentheticals: &line.parentheticals,
        dual: line.dual,
        line: line.place.line,
        column: line.place.column,
    }
}
