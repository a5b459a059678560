//! What the plan's tests share.
#![expect(dead_code, reason = "each test file uses its part of this")]

use std::io;
use std::path::Path;

use scheduler::cast::Cast;
use scheduler::ledger::Ledger;
use scheduler::plan::{Line, Plan, PlanOptions, plan, spoken_lines};
use screenplay::Script;

/// Reads Fountain text.
pub(crate) fn script(text: &str) -> Script {
    screenplay::read("test.fountain", text.as_bytes()).expect("any text is a screenplay")
}

/// The spoken lines of Fountain text.
pub(crate) fn lines(text: &str) -> Vec<Line> {
    spoken_lines(&script(text)).expect("its ids are sound")
}

/// Reference audio that is nowhere.
pub(crate) fn no_files(path: &Path) -> io::Result<Vec<u8>> {
    Err(io::Error::new(io::ErrorKind::NotFound, format!("no {}", path.display())))
}

/// Reads a cast whose files are their own names.
pub(crate) fn cast_of(toml: &str) -> Cast {
    let own_name = |path: &Path| Ok(path.display().to_string().into_bytes());
    Cast::read("cast.toml", toml, &own_name).expect("the cast is sound")
}

/// A cast of characters without voices.
pub(crate) fn bare_cast(names: &[&str]) -> Cast {
    let tables = names.iter().map(|name| format!("[characters.\"{name}\"]\n"));
    cast_of(&tables.collect::<String>())
}

/// Plans Fountain text.
pub(crate) fn planned(text: &str, cast: &Cast, ledger: Option<&Ledger>) -> Plan {
    plan(&script(text), cast, &PlanOptions::default(), ledger).expect("everybody is cast")
}

/// A speech in Fountain.
pub(crate) fn speech(name: &str, text: &str) -> String {
    format!("{name}\n{text}\n\n")
}

/// One line of a table for each planned line.
pub(crate) fn describe(plan: &Plan) -> String {
    let row = |line: &scheduler::plan::PlannedLine| {
        format!("{}  {:<6} {}\n", line.job.id, line.job.character, line.job.text)
    };
    plan.lines.iter().map(row).collect()
}
