//! Bytes into text: UTF-8, and UTF-16 that says so; anything else is refused by place.

use std::borrow::Cow;

use crate::{Unreadable, cursor::Cursor, limits};

const RESAVE: &str = "save it as UTF-8 text and try again";

/// Decodes a text file. UTF-8 comes back as it is, its byte order mark included, so that places in
/// the text are places in the file; UTF-16 comes back without its mark.
///
/// # Errors
/// When it is larger than the limit, is not UTF-8 or UTF-16, or holds a NUL.
pub(crate) fn text(bytes: &[u8]) -> Result<Cow<'_, str>, Unreadable> {
    refuse_large(bytes.len())?;
    let text = match bytes {
        [0xff, 0xfe, rest @ ..] => Cow::Owned(utf16(rest, u16::from_le_bytes)?),
        [0xfe, 0xff, rest @ ..] => Cow::Owned(utf16(rest, u16::from_be_bytes)?),
        _ => Cow::Borrowed(utf8(bytes)?),
    };
    refuse_large(text.len())?;
    match text.find('\0') {
        Some(at) => Err(broken(&text[..at], "a NUL byte, so it is not plain text", RESAVE)),
        None => Ok(text),
    }
}

fn utf8(bytes: &[u8]) -> Result<&str, Unreadable> {
    std::str::from_utf8(bytes).map_err(|error| {
        let (good, bad) = bytes.split_at(error.valid_up_to());
        let good = std::str::from_utf8(good).expect("the error says that it is UTF-8 up to here");
        let what = match bad.first() {
            Some(byte) => format!("the byte 0x{byte:02x}, which is not UTF-8"),
            None => "the end of the file inside a character".to_owned(),
        };
        broken(good, &what, RESAVE)
    })
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<String, Unreadable> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    let mut text = String::with_capacity(bytes.len());
    for unit in char::decode_utf16(pairs.iter().map(|pair| unit(*pair))) {
        match unit {
            Ok(character) => text.push(character),
            Err(_) => return Err(broken(&text, "half a UTF-16 character", RESAVE)),
        }
    }
    if rest.is_empty() {
        Ok(text)
    } else {
        Err(broken(&text, "an odd last byte, so it is not UTF-16", RESAVE))
    }
}

fn refuse_large(bytes: usize) -> Result<(), Unreadable> {
    if bytes <= limits::TEXT_BYTES {
        return Ok(());
    }
    Err(Unreadable::new(
        format!("the text is larger than {} MB", limits::TEXT_BYTES / (1024 * 1024)),
        "split the screenplay into episodes",
    ))
}

/// An error that stands right behind `good`.
fn broken(good: &str, what: &str, advice: &str) -> Unreadable {
    let (line, column) = Cursor::new(good).place(good.len());
    Unreadable::new(format!("line {line}, column {column} holds {what}"), advice)
        .placed(line, column)
}
