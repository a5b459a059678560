//! What an episode is called when nobody says.

use schemas::EpisodeId;
use screenplay::Script;
use sha2::{Digest as _, Sha256};

/// The id of an episode of this title. Ids are ASCII: a title that leaves no letter of it gets some
/// digits of its hash, so that two such titles are two episodes.
#[must_use]
pub fn episode_named(title: &str) -> EpisodeId {
    let slug = EpisodeId::from_title(title);
    if title.chars().any(|c| c.is_ascii_alphabetic()) || title.is_ascii() {
        return slug;
    }
    let hash = schemas::hex(&Sha256::digest(title)[..4]);
    EpisodeId::from_title(&format!("{slug}-{hash}"))
}

/// The title people gave the episode, on one line: the cast's, else the title page's.
#[must_use]
pub fn title_of(script: &Script, cast_title: Option<&str>) -> Option<String> {
    let page = || {
        let is_title = |field: &&screenplay::TitleField| field.key.eq_ignore_ascii_case("title");
        script.title_page.iter().find(is_title).map(|field| field.value.as_str())
    };
    cast_title
        .or_else(page)
        .map(|title| title.split_whitespace().collect::<Vec<_>>().join(" "))
        .filter(|title| title.chars().any(char::is_alphanumeric))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_in_any_script_are_episodes_of_their_own() {
        assert_eq!(episode_named("Night Ferry").as_str(), "night-ferry");
        assert_eq!(episode_named("Été 2").as_str(), "t-2");
        assert_eq!(episode_named("7").as_str(), "7");
        assert_eq!(episode_named("夜の船").as_str(), "episode-b56d93b8");
        assert_ne!(episode_named("夜の船 2"), episode_named("海 2"));
    }
}
