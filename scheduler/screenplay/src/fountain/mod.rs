//! Fountain 1.1: plain text in which the look of a line says what it is.
//!
//! Reading is one pass over the text for each of: boneyards out, notes out, lines apart, elements.
//! Every pass takes time and memory in proportion to the text, whatever it holds, and none
//! recurses.

mod body;
mod clean;
mod kinds;
mod lines;
mod places;
mod print;
mod shapes;
mod speech;
mod suspects;
mod title;

#[cfg(test)]
mod tests;

pub use print::print_fountain;

use crate::doubts::Doubts;
use crate::script::{Format, Script};

use body::Reader;
use clean::Clean;
use places::Places;

/// Reads a Fountain text; a byte order mark in front is no part of it.
///
/// Spans refer to `text` as given. Any text is a screenplay.
pub(crate) fn parse(text: &str) -> Script {
    let mut doubts = Doubts::default();
    let places = Places::of(text);
    let clean = Clean::of(text, &places, &mut doubts);
    let (title_page, elements) = Reader::new(&clean, &places, &mut doubts).read();
    Script {
        format: Format::Fountain,
        title_page,
        elements,
        doubts: doubts.finish(),
        listed_characters: Vec::new(),
    }
}
