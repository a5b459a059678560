//! What a bundle holds, however it is stored.

use std::collections::HashSet;

use serde_json::Value;

use super::highland;
use crate::{
    Script, Unreadable, decode, fountain, inline, limits, names::speaker_key, read::as_format,
    script::Format,
};

/// Extensions that a bundle's text may have; the earlier is taken where several stand together.
const TEXT_EXTENSIONS: [&str; 6] = ["fountain", "md", "markdown", "txt", "text", "highland"];

/// A bundle's members that matter.
#[derive(Debug, Default)]
pub(super) struct Bundle {
    /// The screenplay.
    pub(super) text: Vec<u8>,
    /// `info.json`: which program wrote it.
    pub(super) info: Option<Vec<u8>>,
    /// `resources/characters.json`: who is in it.
    pub(super) characters: Option<Vec<u8>>,
}

/// How good a name a bundle's text has, the less the better; nothing for another member.
pub(super) fn text_rank(file_name: &str) -> Option<usize> {
    let (stem, extension) = file_name.rsplit_once('.')?;
    let extension = extension.to_lowercase();
    let rank = TEXT_EXTENSIONS.iter().position(|known| *known == extension)?;
    stem.eq_ignore_ascii_case("text").then_some(rank)
}

/// What is said of a bundle without a screenplay.
pub(super) fn textless(what: &str) -> Unreadable {
    Unreadable::new(
        format!("{what} holds no screenplay: there is no text.fountain, text.md or text.txt in it"),
        "export the screenplay again as Highland, TextBundle, Fountain or FDX",
    )
}

impl Bundle {
    /// Whether Highland wrote it.
    pub(super) fn is_highland(&self) -> bool {
        let creator = self.info.as_deref().and_then(|info| {
            let info: Value = serde_json::from_slice(info).ok()?;
            Some(info.get("creatorIdentifier")?.as_str()?.to_lowercase())
        });
        creator.is_some_and(|creator| creator.contains("highland"))
    }

    /// Reads the text. Highland's own marks are taken out wherever Highland wrote it.
    ///
    /// # Errors
    /// When the text is no text.
    pub(super) fn script(&self, format: Format) -> Result<Script, Unreadable> {
        let text = decode::text(&self.text)?;
        let mut script = if format == Format::Highland || self.is_highland() {
            highland::parse(&text)
        } else {
            fountain::parse(&text)
        };
        script.listed_characters = self.listed();
        Ok(as_format(script, format))
    }

    /// The listed names, each once. A list that cannot be read is no list: it is only a hint.
    fn listed(&self) -> Vec<String> {
        let Some(list) = &self.characters else { return Vec::new() };
        let Ok(list) = serde_json::from_slice::<Value>(list) else { return Vec::new() };
        let mut keys = HashSet::new();
        let entries = list.get("characters").unwrap_or(&list).as_array().into_iter().flatten();
        let names =
            entries.filter_map(|entry| entry.as_str().or_else(|| entry.get("name")?.as_str()));
        let names = names.map(inline::trim).filter(|name| keys.insert(speaker_key(name)));
        let names = names.filter(|name| !name.is_empty()).take(limits::LISTED_CHARACTERS);
        names.map(str::to_owned).collect()
    }
}
