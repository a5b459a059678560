//! `tableread check`: what in a screenplay is doubtful.

use std::path::PathBuf;

use clap::Args;
use screenplay::{Doubt, Script, Severity, Span};
use serde::Serialize;

use super::Exit;
use super::output::{counted, json_line, line, note};
use crate::plan::{BadNotes, LONGEST_LINE, NoteKind, NoteProblem, Place, spoken_lines};

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
    let of_lines = doubts_of_lines(&script);
    let doubts: Vec<_> = script.doubts.iter().chain(&of_lines).collect();
    for doubt in &doubts {
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
    if doubts.is_empty() {
        note(format!("{file}: nothing doubtful"));
        Ok(Exit::Done)
    } else {
        note(format!("{file}: {}", counted(doubts.len() as u64, "doubt")));
        Ok(Exit::Doubts)
    }
}

/// What would stop a plan whoever is cast: notes that mean nothing, ids that clash, speeches too long, nobody speaking.
fn doubts_of_lines(script: &Script) -> Vec<Doubt> {
    let lines = match spoken_lines(script) {
        Ok(lines) => lines,
        Err(BadNotes(problems)) => return problems.iter().map(doubt_of_note).collect(),
    };
    if lines.is_empty() && script.doubts.is_empty() {
        let suggestion = "write a speech as a name in capitals on a line of its own with the words \
                          on the next, or give the cast a narrator to have the action read";
        let start = Place { line: 1, column: 1 };
        return vec![error(start, "nobody_speaks", "nobody says anything", suggestion)];
    }
    let long = lines.iter().filter(|line| line.text.chars().count() > LONGEST_LINE);
    long.map(|line| {
        let message = format!("{} speaks more than {LONGEST_LINE} characters", line.character);
        error(line.place, "too_long", &message, "split the speech in two")
    })
    .collect()
}

fn doubt_of_note(NoteProblem { place, message, about }: &NoteProblem) -> Doubt {
    let (message, suggestion) = message.split_once("; ").unwrap_or((message, "change the note"));
    let code = match about {
        NoteKind::Id => "bad_id",
        NoteKind::Language => "bad_language",
    };
    error(*place, code, message, suggestion)
}

fn error(at: Place, code: &'static str, message: &str, suggestion: &str) -> Doubt {
    Doubt {
        span: Span { start: 0, end: 0, line: at.line, column: at.column },
        severity: Severity::Error,
        code,
        message: message.to_owned(),
        suggestion: suggestion.to_owned(),
    }
}
