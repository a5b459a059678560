//! The terminal: taken over while the picture is shown, and given back however that ends.

use anyhow::Context as _;
use crossterm::event::{Event, EventStream, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use futures::StreamExt as _;
use ratatui::DefaultTerminal;
use tokio::time::Instant;

use super::draw::{Picture, draw};
use super::look::Look;
use super::rate::Rate;
use super::{EVERY, Watch, told_to_stop};
use crate::cli::Exit;

/// A terminal in raw mode that shows another screen; dropped, it is as it was. A panic gives it back
/// before it is told of, so that it can be read.
pub(super) struct Screen(DefaultTerminal);

impl Screen {
    /// Takes the terminal over.
    ///
    /// # Errors
    /// When it cannot be.
    pub(super) fn open() -> anyhow::Result<Self> {
        let terminal = ratatui::try_init().context(
            "the terminal cannot be taken over; without one: tableread status --watch | cat",
        )?;
        Ok(Self(terminal))
    }

    fn show(&mut self, picture: &Picture) -> anyhow::Result<()> {
        self.0.draw(|frame| draw(frame, picture))?;
        Ok(())
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        ratatui::restore();
    }
}

/// What the user asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wish {
    Nothing,
    Up,
    Down,
    Quit,
    Interrupt,
}

/// Shows the picture until what is watched is over or the user has seen enough.
pub(super) async fn run(watch: &Watch) -> anyhow::Result<Exit> {
    let mut screen = Screen::open()?;
    let mut keys = EventStream::new();
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut picture = Picture { is_one: watch.only.is_some(), ..Picture::default() };
    let mut rate = Rate::default();
    let mut has_keys = true;
    let mut stop = std::pin::pin!(told_to_stop());
    loop {
        let mut wish = Wish::Nothing;
        tokio::select! {
            _ = ticks.tick() => look_again(watch, &mut picture, &mut rate).await?,
            event = keys.next(), if has_keys => match event {
                Some(Ok(event)) => wish = wish_of(&event),
                // Nobody can type any more, and somebody may still look.
                Some(Err(_)) | None => has_keys = false,
            },
            () = &mut stop => return Ok(Exit::Interrupted),
        }
        match wish {
            Wish::Nothing => {}
            Wish::Quit => return Ok(exit(&picture)),
            Wish::Interrupt => return Ok(Exit::Interrupted),
            Wish::Up => picture.chosen = picture.chosen.saturating_sub(1),
            Wish::Down => picture.chosen = last(&picture).min(picture.chosen + 1),
        }
        if matches!(wish, Wish::Up | Wish::Down) {
            look_again(watch, &mut picture, &mut rate).await?;
        }
        screen.show(&picture)?;
        if watch.only.is_some() && !picture.look.all.is_empty() && picture.look.open() == 0 {
            return Ok(exit(&picture));
        }
    }
}

/// The number of the last episode.
fn last(picture: &Picture) -> usize {
    picture.look.all.len().saturating_sub(1)
}

/// What `status` would exit with now.
fn exit(picture: &Picture) -> Exit {
    let has_failed = picture.look.all.iter().any(|progress| progress.lines.failed > 0);
    if picture.is_one && has_failed { Exit::SomeFailed } else { Exit::Done }
}

/// Asks the queue again. One that is away is told of, and asked at the next tick.
async fn look_again(watch: &Watch, picture: &mut Picture, rate: &mut Rate) -> anyhow::Result<()> {
    let before = picture.look.clone();
    let only = watch.only.as_ref();
    match Look::take(watch.queue.as_ref(), only, picture.chosen, before).await {
        Ok(look) => {
            rate.note(Instant::now(), &look.all);
            picture.measured = rate.measured();
            picture.look = look;
            picture.trouble = None;
            picture.chosen = picture.chosen.min(last(picture));
            Ok(())
        }
        Err(err) if err.is::<queue::QueueError>() => {
            picture.trouble = Some(format!("{err:#}; trying again"));
            Ok(())
        }
        Err(err) => Err(err),
    }
}

fn wish_of(event: &Event) -> Wish {
    let Event::Key(KeyEvent { code, modifiers, kind, .. }) = event else {
        // The terminal has another size: it is drawn anew.
        return Wish::Nothing;
    };
    if *kind == KeyEventKind::Release {
        return Wish::Nothing;
    }
    match code {
        KeyCode::Char('c') if modifiers.contains(KeyModifiers::CONTROL) => Wish::Interrupt,
        KeyCode::Char('q') | KeyCode::Esc => Wish::Quit,
        KeyCode::Up | KeyCode::Char('k') => Wish::Up,
        KeyCode::Down | KeyCode::Char('j') => Wish::Down,
        _ => Wish::Nothing,
    }
}
