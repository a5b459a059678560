//! Which of a model's languages a tag means.

use super::config::TalkerConfig;

/// Languages that the releases speak, as primary BCP 47 tags.
pub const LANGUAGES: [&str; 10] = ["de", "en", "es", "fr", "it", "ja", "ko", "pt", "ru", "zh"];

/// A model's own name of the language that `tag` means; `Ok(None)` where the model is to find out.
///
/// `tag` is BCP 47, of which the first part counts, or the model's own name in any case; empty,
/// `auto` and `und` leave it to the model.
///
/// # Errors
/// The names that the model knows, when it does not know this one.
pub(crate) fn named(tag: &str, config: &TalkerConfig) -> Result<Option<String>, Vec<String>> {
    let tag = tag.trim().to_lowercase();
    if matches!(tag.as_str(), "" | "auto" | "und") {
        return Ok(None);
    }
    let primary = tag.split(['-', '_']).next().unwrap_or_default();
    let known = |name: &str| config.codec_language_id.contains_key(name).then(|| name.to_owned());
    match known(&tag).or_else(|| english(primary).and_then(known)) {
        Some(name) => Ok(Some(name)),
        None => Err(config.codec_language_id.keys().cloned().collect()),
    }
}

/// The English name of a language, by the first part of its tag.
fn english(primary: &str) -> Option<&'static str> {
    Some(match primary {
        "zh" | "cmn" => "chinese",
        "en" => "english",
        "fr" => "french",
        "de" => "german",
        "it" => "italian",
        "ja" => "japanese",
        "ko" => "korean",
        "pt" => "portuguese",
        "ru" => "russian",
        "es" => "spanish",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::qwen3_tts::config::{Kind, ModelConfig, Size};

    #[test]
    fn tags_and_names_mean_the_models_languages() {
        let config = ModelConfig::released(Kind::CustomVoice, Size::Small).talker_config;
        for (tag, name) in [
            ("en-GB", Some("english")),
            ("English", Some("english")),
            ("zh_Hans", Some("chinese")),
            ("Beijing_Dialect", Some("beijing_dialect")),
            ("Auto", None),
            ("", None),
        ] {
            assert_eq!(named(tag, &config), Ok(name.map(str::to_owned)), "{tag}");
        }
        assert!(named("fi", &config).unwrap_err().contains(&"german".to_owned()));
    }

    #[test]
    fn every_language_of_the_releases_has_a_tag() {
        let config = ModelConfig::released(Kind::Base, Size::Small).talker_config;
        let mut named: Vec<_> = LANGUAGES.map(|tag| named(tag, &config).unwrap().unwrap()).into();
        named.sort();
        assert_eq!(named, config.codec_language_id.keys().cloned().collect::<Vec<_>>());
    }
}
