//! Final Draft's XML into a script, and back.
//!
//! Only what the words need is read; layout is passed over, so that other programs' FDX, which
//! leaves it out or spells it differently, reads as well.

mod assemble;
mod collect;
mod doubts;
mod dual;
mod kind;
mod paragraph;
mod print;
mod tag;

pub use print::print_fdx;

use crate::{Script, Unreadable};

/// Reads Final Draft XML. Spans are places in `text`: those of whole paragraphs.
///
/// # Errors
/// When `text` is not well-formed XML, is other XML, declares a DTD or goes beyond the limits.
pub(crate) fn parse(text: &str) -> Result<Script, Unreadable> {
    collect::document(text).map(assemble::script)
}
