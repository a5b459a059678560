//! Names of things, checked once when they are made.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A name that cannot be used as an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a usable id: use 1 to 80 of the letters a-z A-Z, digits, `-`, `_` and `.`, \
     starting with a letter or digit"
)]
pub struct BadId(pub String);

fn is_usable(id: &str) -> bool {
    id.len() <= 80
        && id.starts_with(|c: char| c.is_ascii_alphanumeric())
        && !id.contains("..")
        && id.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
        )]
        #[serde(try_from = "String", into = "String")]
        #[schemars(with = "String")]
        pub struct $name(String);

        impl $name {
            /// Accepts `id` as it stands.
            ///
            /// # Errors
            /// [`BadId`] unless it is 1 to 80 ASCII letters, digits, `-`, `_` or `.` (never two
            /// dots in a row), starting with a letter or digit: such a name is safe in paths, URLs
            /// and object keys.
            pub fn parse(id: impl Into<String>) -> Result<Self, BadId> {
                let id = id.into();
                if is_usable(&id) { Ok(Self(id)) } else { Err(BadId(id)) }
            }

            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = BadId;

            fn try_from(id: String) -> Result<Self, BadId> {
                Self::parse(id)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id! {
    /// Names one spoken line of an episode, e.g. `sc012-l0034`, and keeps naming it across edits.
    ///
    /// It says which line is meant, not what the line says: audio is never cached by it, but by a
    /// hash of all that went into it.
    LineId
}
id! {
    /// Names one episode of a series, e.g. `night-ferry-s01e03`; chosen by the production.
    EpisodeId
}
id! {
    /// Names one upload of an episode: the episode and a hash of its plan.
    ///
    /// The same screenplay, cast and settings always give the same id, so submitting twice is
    /// harmless and a second run goes on where the first one stopped.
    SubmissionId
}
id! {
    /// A word that workers are given by whoever runs them, and that lines can ask for: `studio-b`.
    Tag
}
id! {
    /// Names one running worker process; unique for as long as the process lives.
    WorkerId
}
id! {
    /// Names one promise of lines to one worker; never used twice.
    LeaseId
}

impl LineId {
    /// Builds the id of the `line`-th spoken line of the `scene`-th scene; both count from 1, and
    /// scene 0 holds what is spoken before the first scene heading.
    #[must_use]
    pub fn new(scene: u32, line: u32) -> Self {
        Self(format!("sc{scene:03}-l{line:04}"))
    }
}

impl EpisodeId {
    /// Makes an id of any title: letters and digits are kept in lower case, all else becomes `-`.
    ///
    /// A title without a single ASCII letter or digit becomes `episode`.
    #[must_use]
    pub fn from_title(title: &str) -> Self {
        let mut slug = String::new();
        for c in title.chars() {
            if slug.len() >= 60 {
                break;
            }
            if c.is_ascii_alphanumeric() {
                slug.push(c.to_ascii_lowercase());
            } else if !slug.is_empty() && !slug.ends_with('-') {
                slug.push('-');
            }
        }
        let slug = slug.trim_end_matches('-');
        Self(if slug.is_empty() { "episode" } else { slug }.to_owned())
    }
}

impl SubmissionId {
    /// Builds the id of `episode` planned as `plan_hash`, of which the first 12 digits are used.
    #[must_use]
    pub fn new(episode: &EpisodeId, plan_hash: &str) -> Self {
        Self(format!("{episode}-{}", &plan_hash[..plan_hash.len().min(12)]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_never_leaves_its_folder() {
        for bad in ["", "..", "a/b", "a..b", "-x", ".x", "a b", "ä", &"x".repeat(81)] {
            assert_eq!(EpisodeId::parse(bad), Err(BadId(bad.to_owned())), "{bad}");
        }
        for good in ["a", "sc001-l0001", "S01E03_v2.1"] {
            assert_eq!(EpisodeId::parse(good).unwrap().as_str(), good);
        }
        assert!(serde_json::from_str::<EpisodeId>("\"../etc\"").is_err());
    }

    #[test]
    fn any_title_gives_an_id() {
        for (title, id) in [
            ("Night Ferry: Part 2", "night-ferry-part-2"),
            ("夜の船", "episode"),
            ("  -- The End --", "the-end"),
        ] {
            assert_eq!(EpisodeId::from_title(title).as_str(), id);
            assert!(EpisodeId::parse(EpisodeId::from_title(title).as_str()).is_ok());
        }
    }
}
