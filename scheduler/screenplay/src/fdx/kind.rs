//! What a paragraph's type means for the script.

use std::collections::{HashMap, HashSet};

/// What a paragraph is to the script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The start of a scene.
    SceneHeading,
    /// What is seen and heard, and every type that is neither spoken nor structure.
    Action,
    /// Who speaks.
    Character,
    /// How it is said.
    Parenthetical,
    /// What is said.
    Dialogue,
    /// What is sung.
    Sung,
    /// How one scene becomes the next.
    Transition,
    /// A heading of the outline, from 1.
    Section(u8),
    /// What a part of the outline is about.
    Synopsis,
    /// A line in the middle of the page.
    Centered,
}

/// The types that Final Draft and its imitators ship, in lower case.
fn built_in(name: &str) -> Option<Kind> {
    let kind = match name.to_lowercase().as_str() {
        "scene heading" => Kind::SceneHeading,
        "action" | "general" | "shot" | "cast list" => Kind::Action,
        "character" => Kind::Character,
        "parenthetical" => Kind::Parenthetical,
        "dialogue" => Kind::Dialogue,
        "singing" | "lyrics" | "lyric" => Kind::Sung,
        "transition" => Kind::Transition,
        "new act" | "outline 1" => Kind::Section(1),
        "outline 2" => Kind::Section(2),
        "outline 3" => Kind::Section(3),
        "outline 4" => Kind::Section(4),
        "outline body" => Kind::Synopsis,
        "end of act" => Kind::Centered,
        _ => return None,
    };
    Some(kind)
}

/// The types of one document: Final Draft's own and those its writer made.
#[derive(Debug, Default)]
pub(super) struct Kinds {
    /// A type's name in lower case to the type it behaves like.
    custom: HashMap<String, String>,
}

impl Kinds {
    /// Notes that type `name` behaves like type `base`.
    pub(super) fn add(&mut self, name: &str, base: &str) {
        self.custom.insert(name.trim().to_lowercase(), base.trim().to_owned());
    }

    /// What a paragraph of type `name` is; nothing when the document does not say.
    ///
    /// A type may behave like another custom type; a circle says nothing.
    pub(super) fn resolve(&self, name: &str) -> Option<Kind> {
        let mut name = name.trim().to_lowercase();
        let mut seen = HashSet::new();
        loop {
            if let Some(kind) = built_in(&name) {
                return Some(kind);
            }
            let base = self.custom.get(&name)?.to_lowercase();
            if !seen.insert(name) {
                return None;
            }
            name = base;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_custom_type_is_what_it_behaves_like() {
        let mut kinds = Kinds::default();
        kinds.add("Whisper", "Murmur");
        kinds.add("Murmur", "Dialogue");
        assert_eq!(kinds.resolve("WHISPER"), Some(Kind::Dialogue));
    }

    #[test]
    fn types_in_a_circle_are_unknown() {
        let mut kinds = Kinds::default();
        kinds.add("A", "B");
        kinds.add("B", "A");
        assert_eq!(kinds.resolve("A"), None);
        assert_eq!(kinds.resolve("C"), None);
    }

    #[test]
    fn a_built_in_type_cannot_be_redefined() {
        let mut kinds = Kinds::default();
        kinds.add("Dialogue", "Action");
        assert_eq!(kinds.resolve("Dialogue"), Some(Kind::Dialogue));
    }
}
