//! Who somebody is to the ear, in words.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A voice in words, one field for each side of it. All may be absent.
///
/// Composes the description that a voice is designed by; free text wins over it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Profile {
    /// E.g. `female`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gender: Option<String>,
    /// E.g. `late sixties` or `30`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub age: Option<String>,
    /// E.g. `Scottish` or `light French`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accent: Option<String>,
    /// E.g. `low`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pitch: Option<String>,
    /// E.g. `unhurried`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pace: Option<String>,
    /// E.g. `gravelly`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub texture: Option<String>,
    /// E.g. `dry and amused`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mood: Option<String>,
    /// A sentence about the character, e.g. `A keeper of a lighthouse who talks to the sea.`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
}

impl Profile {
    /// Whether nothing is said.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self == &Self::default()
    }

    /// The profile as a description: one sentence of its fields in order, and the summary. Empty when
    /// nothing is said.
    #[must_use]
    pub fn describe(&self) -> String {
        let phrases = [
            &self.gender.as_deref().map(|gender| format!("{gender} voice")),
            &self.age.as_deref().map(aged),
            &self.accent.as_deref().map(|accent| format!("{accent} accent")),
            &self.pitch.as_deref().map(|pitch| format!("{pitch} pitch")),
            &self.pace.as_deref().map(|pace| format!("{pace} pace")),
            &self.texture.as_deref().map(|texture| format!("{texture} texture")),
            &self.mood.as_deref().map(|mood| format!("{mood} mood")),
        ];
        let phrases: Vec<&str> = phrases.into_iter().flatten().map(String::as_str).collect();
        let sentences =
            [sentence(&phrases.join(", ")), sentence(self.summary.as_deref().unwrap_or(""))];
        let sentences: Vec<_> = sentences.into_iter().flatten().collect();
        sentences.join(" ")
    }

    /// What a voice is designed by: the free text where there is some, else the profile's own.
    #[must_use]
    pub fn description(&self, free_text: Option<&str>) -> String {
        let free_text = free_text.map(str::trim).filter(|text| !text.is_empty());
        free_text.map_or_else(|| self.describe(), str::to_owned)
    }
}

/// An age as it stands in a sentence.
fn aged(age: &str) -> String {
    if age.chars().all(|c| c.is_ascii_digit()) { format!("aged {age}") } else { age.to_owned() }
}

/// A text that begins with a capital letter and ends with a stop; `None` for an empty one.
fn sentence(text: &str) -> Option<String> {
    let text = text.trim();
    let mut chars = text.chars();
    let first = chars.next()?;
    let stop = if text.ends_with(['.', '!', '?', '…']) { "" } else { "." };
    Some(format!("{}{}{stop}", first.to_uppercase(), chars.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile() -> Profile {
        let some = |text: &str| Some(text.to_owned());
        Profile {
            gender: some("female"),
            age: some("67"),
            texture: some("gravelly"),
            summary: some("keeps a lighthouse"),
            ..Profile::default()
        }
    }

    #[test]
    fn a_profile_reads_as_a_description() {
        let expected = "Female voice, aged 67, gravelly texture. Keeps a lighthouse.";
        assert_eq!(profile().describe(), expected);
        assert_eq!(Profile::default().describe(), "");
        assert!(Profile::default().is_empty());
    }

    #[test]
    fn free_text_wins() {
        assert_eq!(profile().description(Some(" A boy. ")), "A boy.");
        assert_eq!(profile().description(Some("  ")), profile().describe());
    }
}
