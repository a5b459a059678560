//! A line with silences in it, as parts that are spoken one by one and joined again.
//!
//! A model makes of a pause in its text what it pleases. So the text is divided there: each part is
//! a line of its own to the model, and between two parts stands silence of just the length asked
//! for.

use schemas::Pause;

use crate::error::excerpt;
use crate::{LineError, Request, Samples};

/// Pauses below this are the speaker's own to make, in milliseconds: a frame.
const SHORTEST_MS: u32 = 80;

/// What a pause is cut down to, in milliseconds: a script may ask for any number.
const LONGEST_MS: u32 = 60_000;

/// One part of a line, as a line of its own.
#[derive(Debug)]
pub(crate) struct Passage {
    /// Its place in the line, from 0.
    pub(crate) place: usize,
    /// What is said in it: tag, voice and language are the line's, pauses there are none.
    pub(crate) request: Request,
}

/// A line of which parts are being spoken.
#[derive(Debug)]
pub(crate) struct Line {
    /// By place. Parts that are not wanted any more are gone from the end.
    parts: Vec<Part>,
    /// Why the part behind the last one was not spoken.
    failure: Option<LineError>,
}

#[derive(Debug)]
struct Part {
    /// How it begins, to tell it by in a message.
    start: String,
    /// Silence before it, in milliseconds.
    pause_ms: u32,
    /// Its audio, once there is some.
    samples: Option<Samples>,
}

/// A line that is one part, whatever its pauses.
pub(crate) fn whole(request: Request) -> (Vec<Passage>, Line) {
    let part = Part { start: excerpt(&request.text), pause_ms: 0, samples: None };
    (vec![Passage { place: 0, request }], Line { parts: vec![part], failure: None })
}

/// Divides a line at its pauses.
///
/// Every part has something that can be said: what lies between two pauses and has not belongs to
/// the part before, and the pauses add up. Those in front of the first and behind the last word are
/// the take's ends, which are trimmed, and count for nothing. A part that breaks off in mid-sentence
/// gets a comma, so that it is spoken as unfinished.
pub(crate) fn divide(request: Request) -> (Vec<Passage>, Line) {
    let pieces = pieces(&request.text, &request.pauses);
    if pieces.len() < 2 {
        let text = request.text.trim().to_owned();
        return whole(Request { text, pauses: Vec::new(), ..request });
    }
    let last = pieces.len() - 1;
    let passages = pieces.iter().enumerate().map(|(place, piece)| Passage {
        place,
        request: Request {
            text: if place < last { unfinished(&piece.text) } else { piece.text.trim().to_owned() },
            pauses: Vec::new(),
            seed: seed_of(request.seed, place),
            ..request.clone()
        },
    });
    let passages: Vec<_> = passages.collect();
    let parts = pieces.iter().map(|piece| Part {
        start: excerpt(piece.text.trim()),
        pause_ms: piece.pause_ms.min(LONGEST_MS),
        samples: None,
    });
    (passages, Line { parts: parts.collect(), failure: None })
}

struct Piece {
    pause_ms: u32,
    text: String,
}

/// Offsets inside a character or beyond the end are moved back to where they make sense.
fn pieces(text: &str, pauses: &[Pause]) -> Vec<Piece> {
    let mut cut = vec![Piece { pause_ms: 0, text: String::new() }];
    let mut from = 0;
    for pause in pauses.iter().filter(|pause| pause.ms >= SHORTEST_MS) {
        let at = usize::try_from(pause.at).unwrap_or(usize::MAX);
        let at = text.floor_char_boundary(at.min(text.len())).max(from);
        push_text(&mut cut, &text[from..at]);
        from = at;
        cut.push(Piece { pause_ms: pause.ms, text: String::new() });
    }
    push_text(&mut cut, &text[from..]);
    merged(cut)
}

fn push_text(pieces: &mut [Piece], text: &str) {
    if let Some(last) = pieces.last_mut() {
        last.text.push_str(text);
    }
}

/// Gives what cannot be said to a neighbour, so that every piece can; none if nothing can.
fn merged(pieces: Vec<Piece>) -> Vec<Piece> {
    let mut merged: Vec<Piece> = Vec::new();
    let mut before = String::new();
    let mut pause_ms = 0_u32;
    for piece in pieces {
        pause_ms = pause_ms.saturating_add(piece.pause_ms);
        if !piece.text.chars().any(char::is_alphanumeric) {
            match merged.last_mut() {
                Some(last) => last.text.push_str(&piece.text),
                None => before.push_str(&piece.text),
            }
            continue;
        }
        if merged.is_empty() {
            pause_ms = 0;
        }
        let text = std::mem::take(&mut before) + &piece.text;
        merged.push(Piece { pause_ms: std::mem::take(&mut pause_ms), text });
    }
    merged
}

fn unfinished(text: &str) -> String {
    let text = text.trim();
    let comma = if text.ends_with(char::is_alphanumeric) { "," } else { "" };
    format!("{text}{comma}")
}

/// The first part's seed is the line's, the others' are made of it: a word that comes twice is not
/// said twice alike. The mixing is `SplitMix64`'s.
fn seed_of(seed: u64, place: usize) -> u64 {
    if place == 0 {
        return seed;
    }
    let mixed = seed.wrapping_add((place as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

impl Line {
    /// Takes what became of a part. Once one has failed, those behind it are not wanted any more; of
    /// several failures the first in the text is the line's, whichever came first.
    pub(crate) fn take(&mut self, place: usize, result: Result<Samples, LineError>) {
        let Some(part) = self.parts.get_mut(place) else { return };
        match result {
            Ok(samples) => part.samples = Some(samples),
            Err(error) => {
                self.parts.truncate(place);
                self.failure = Some(error);
            }
        }
    }

    /// How many parts are wanted, counted from the first.
    pub(crate) fn wanted(&self) -> usize {
        self.parts.len()
    }

    /// Whether what becomes of the line is known.
    pub(crate) fn is_done(&self) -> bool {
        self.parts.iter().all(|part| part.samples.is_some())
    }

    /// The whole line, or why there is none. A line of one part is that part as it is.
    ///
    /// # Errors
    /// The first failure, and [`LineError::Text`] when one part of several is silent.
    pub(crate) fn join(self) -> Result<Samples, LineError> {
        if let Some(failure) = self.failure {
            return Err(failure);
        }
        let last = self.parts.len().saturating_sub(1);
        let mut joined = Samples { samples: Vec::new(), rate_hz: 0 };
        for (place, Part { start, pause_ms, samples }) in self.parts.into_iter().enumerate() {
            let Some(samples) = samples else { continue };
            if last == 0 {
                return Ok(samples);
            }
            joined.rate_hz = samples.rate_hz;
            let silence = count_of(pause_ms, samples.rate_hz);
            joined.samples.resize(joined.samples.len() + silence, 0.0);
            let sides = Sides { start: place > 0, end: place < last };
            let Some(cut) = cut(samples, sides) else {
                return Err(LineError::Text(format!("`{start}` came out silent; reword it")));
            };
            joined.samples.extend(cut);
        }
        Ok(joined)
    }
}

/// At which ends of a part there is a pause.
#[derive(Clone, Copy)]
struct Sides {
    start: bool,
    end: bool,
}

/// Kept around speech where a pause cuts it, and faded, in milliseconds.
const KEPT_MS: u32 = 20;

/// A fade where nothing could be kept, in milliseconds: enough not to click.
const SHORTEST_FADE_MS: u32 = 2;

/// Length of the windows that loudness is looked at in, in milliseconds.
const WINDOW_MS: u32 = 10;

/// A window is speech from this far below the part's loudest one: −45 dB. A word's last breath is
/// well above it.
const QUIET: f32 = 0.005_623;

/// No window below this is speech: −60 dBFS.
const SILENT: f32 = 0.001;

/// Cuts a part's own silence down to a faded few milliseconds on the sides where there is a pause.
/// `None` when there is no speech in it.
fn cut(samples: Samples, sides: Sides) -> Option<Vec<f32>> {
    let Samples { mut samples, rate_hz } = samples;
    let (start, end) = speech(&samples, count_of(WINDOW_MS, rate_hz).max(1))?;
    let kept = count_of(KEPT_MS, rate_hz);
    let shortest = count_of(SHORTEST_FADE_MS, rate_hz);
    if sides.end {
        let margin = kept.min(samples.len() - end);
        samples.truncate(end + margin);
        fade(samples.iter_mut().rev(), margin.max(shortest));
    }
    if sides.start {
        let margin = kept.min(start);
        samples.drain(..start - margin);
        fade(samples.iter_mut(), margin.max(shortest));
    }
    Some(samples)
}

/// From where to where there is speech, in whole windows.
fn speech(samples: &[f32], window: usize) -> Option<(usize, usize)> {
    #[expect(clippy::cast_precision_loss, reason = "a window has some hundred samples")]
    let loudness = |window: &[f32]| {
        (window.iter().map(|sample| sample * sample).sum::<f32>() / window.len() as f32).sqrt()
    };
    let windows: Vec<f32> = samples.chunks(window).map(loudness).collect();
    let loudest = windows.iter().copied().fold(0.0, f32::max);
    let threshold = (loudest * QUIET).max(SILENT);
    let is_speech = |loudness: &f32| *loudness >= threshold;
    let first = windows.iter().position(is_speech)?;
    let last = windows.iter().rposition(is_speech)?;
    Some((first * window, ((last + 1) * window).min(samples.len())))
}

/// Fades in over the first `length` samples.
fn fade<'a>(samples: impl Iterator<Item = &'a mut f32>, length: usize) {
    #[expect(clippy::cast_precision_loss, reason = "a fade has some hundred samples")]
    for (n, sample) in samples.take(length).enumerate() {
        *sample *= n as f32 / length as f32;
    }
}

fn count_of(ms: u32, rate_hz: u32) -> usize {
    usize::try_from(u64::from(ms) * u64::from(rate_hz) / 1_000).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests;
