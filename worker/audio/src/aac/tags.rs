//! Tags as music players read them: `udta` › `meta` › `ilst`.

use crate::{AudioError, Tag};

/// Kind of a value that is UTF-8 text.
const TEXT: u32 = 1;
/// Who names the tags that have no kind of their own; players only look for this one.
const NAMESPACE: &str = "com.apple.iTunes";

/// Returns the `udta` atom that holds `tags` in their order; empty without any.
pub(super) fn udta(tags: &[Tag<'_>]) -> Result<Vec<u8>, AudioError> {
    if tags.is_empty() {
        return Ok(Vec::new());
    }
    let mut items = Vec::new();
    for (name, value) in tags {
        items.extend(item(name, value)?);
    }
    let meta = [&[0; 4][..], &handler()?, &atom(*b"ilst", &items)?].concat();
    atom(*b"udta", &atom(*b"meta", &meta)?)
}

/// The handler that says: what follows is a list of tags.
fn handler() -> Result<Vec<u8>, AudioError> {
    let body = [&[0; 8][..], b"mdirappl", &[0; 9]].concat();
    atom(*b"hdlr", &body)
}

fn item(name: &str, value: &str) -> Result<Vec<u8>, AudioError> {
    let mut data = [TEXT.to_be_bytes(), [0; 4]].concat();
    data.extend_from_slice(value.as_bytes());
    let data = atom(*b"data", &data)?;
    if let Some(kind) = kind(name) {
        return atom(kind, &data);
    }
    let mean = atom(*b"mean", &[&[0; 4], NAMESPACE.as_bytes()].concat())?;
    let name = atom(*b"name", &[&[0; 4], name.as_bytes()].concat())?;
    atom(*b"----", &[mean, name, data].concat())
}

/// The kind that a tag has in every player, if it has one.
fn kind(name: &str) -> Option<[u8; 4]> {
    Some(match name {
        "title" => *b"\xa9nam",
        "artist" => *b"\xa9ART",
        "album" => *b"\xa9alb",
        "comment" => *b"\xa9cmt",
        "genre" => *b"\xa9gen",
        "date" => *b"\xa9day",
        "grouping" => *b"\xa9grp",
        "composer" => *b"\xa9wrt",
        "encoder" => *b"\xa9too",
        "description" => *b"desc",
        _ => return None,
    })
}

fn atom(kind: [u8; 4], body: &[u8]) -> Result<Vec<u8>, AudioError> {
    let length = u32::try_from(8 + body.len())
        .map_err(|_| AudioError::Encode("tags of more than 4 GiB".into()))?;
    Ok([&length.to_be_bytes()[..], &kind, body].concat())
}
