//! The price of a change, told and asked about before anything is rendered.

use std::io::{BufRead as _, IsTerminal as _};

use clap::Args;
use queue::Queue;

use super::output::{counted, duration, note};
use crate::price::{Price, measured_speed};
use crate::submit::Prepared;
use crate::takes::Lapse;

/// Choices that lapsed, told one by one.
const LAPSES_TOLD: usize = 10;

/// Whether a change that makes takes stale is wanted.
#[derive(Debug, Args)]
pub(crate) struct ConfirmArgs {
    /// Render anew what goes stale, approved lines too, without asking; asked about only when a voice, a
    /// model, a language or the lexicon changed, never when the script did
    #[arg(long)]
    pub(super) yes: bool,
}

/// Tells which choices of takes stand no more.
pub(super) fn tell_lapses(lapses: &[Lapse]) {
    for Lapse { line, character, take, why } in lapses.iter().take(LAPSES_TOLD) {
        note(format!(
            "{line} ({character}): take {take} is not chosen any more, because {}; it is still there: \
             tableread take {line} --list",
            why.told()
        ));
    }
    if lapses.len() > LAPSES_TOLD {
        note(format!("and {} more choices of takes stand no more", lapses.len() - LAPSES_TOLD));
    }
}

/// Puts the time into a prepared upload's price, by what was measured here.
pub(super) async fn time(prepared: &mut Prepared, queue: Option<&dyn Queue>) -> anyhow::Result<()> {
    if let (Some(price), Some(queue)) = (prepared.price.take(), queue) {
        prepared.price = Some(price.at_speed(measured_speed(queue).await?));
    }
    Ok(())
}

/// Tells the price, and asks when somebody is there to answer; says whether to go on. Where nobody is,
/// only approved lines need a `--yes`.
pub(super) fn is_agreed(prepared: &Prepared, args: &ConfirmArgs) -> anyhow::Result<bool> {
    tell_lapses(&prepared.lapses);
    let Some(price) = &prepared.price else { return Ok(true) };
    note(told(price));
    if args.yes {
        return Ok(true);
    }
    if std::io::stdin().is_terminal() && std::io::stderr().is_terminal() {
        note("Render them anew? [y/N]");
        let mut answer = String::new();
        std::io::stdin().lock().read_line(&mut answer)?;
        let is_yes = matches!(answer.trim().to_lowercase().as_str(), "y" | "yes");
        if !is_yes {
            note("nothing was queued");
        }
        return Ok(is_yes);
    }
    if price.approved > 0 {
        note(format!(
            "{} would go stale, so nothing was queued: render anew with --yes, or take the change back",
            counted(price.approved, "approved line")
        ));
    }
    Ok(price.approved == 0)
}

/// The price in a few lines.
pub(super) fn told(price: &Price) -> String {
    let mut text = format!(
        "The script is the same, but {} sound otherwise now: {} of audio goes stale, {} of it approved",
        counted(price.lines, "rendered line"),
        duration(price.audio_ms),
        counted(price.approved, "line"),
    );
    for one in &price.characters {
        let causes: Vec<_> = one.causes.iter().map(|cause| cause.word()).collect();
        let (lines, audio) = (counted(one.lines, "line"), duration(one.audio_ms));
        let line = [
            format!("\n  {}: {lines} ({} approved), {audio}", one.character, one.approved),
            format!("; changed: {}", causes.join(", ")),
        ];
        text.extend(line);
    }
    if price.to_speak_ms == 0 {
        text.push_str("\nAll of it was rendered like this before: nothing is to be spoken");
        return text;
    }
    let (audio, wall) = (duration(price.to_speak_ms), duration(price.wall_ms));
    let speed = if price.is_measured {
        format!("\nTo speak: {audio}, about {wall} at the speed measured here")
    } else {
        format!(
            "\nTo speak: {audio}; nothing was measured here yet: {wall} if speaking takes as long as \
             listening"
        )
    };
    text.push_str(&speed);
    text
}
