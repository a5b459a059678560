//! `tableread lines`: what is said, in order.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use schemars::JsonSchema;
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
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Row<'a> {
    /// Names the line within its episode. Carried over from earlier drafts only by a plan.
    id: &'a str,
    /// The scene's heading.
    scene: &'a str,
    /// Counts headings from 1.
    scene_number: u32,
    /// The number the script gives the scene.
    scene_label: Option<&'a str>,
    /// Who says it, as written, without what stands in brackets.
    character: &'a str,
    /// What is said; what the positions of parentheticals count in, in bytes.
    text: &'a str,
    /// Whether every word of it is sung.
    is_sung: bool,
    /// What stands in brackets after the name, in order.
    extensions: Vec<String>,
    /// Directions in order.
    parentheticals: &'a [Parenthetical],
    /// The language that a note of the script asks for, BCP 47; absent where the cast decides.
    #[serde(skip_serializing_if = "Option::is_none")]
    language: Option<&'a str>,
    /// Which half of two lines spoken at once: `left` or `right`.
    #[schemars(with = "Option<String>")]
    dual: Option<screenplay::Dual>,
    /// Where its cue stands, from 1.
    line: u32,
    /// The same, counted in characters from 1.
    column: u32,
}

pub(crate) fn run(args: &LinesArgs) -> anyhow::Result<Exit> {
    let script = screenplay::read_path(&args.file)?;
    let lines = spoken_lines(&script).with_context(|| args.file.display().to_string())?;
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
        language: line.language.as_deref(),
        dual: line.dual,
        line: line.place.line,
        column: line.place.column,
    }
}
