//! Which synthesiser speaks a voice, and how it is asked to.

use std::path::{Path, PathBuf};

use schemas::{ScratchSynthesiser, Voice, VoiceSource};

use super::ScratchConfig;
use super::pico::PicoVoice;
use super::program::Call;
use super::timbre::{Settings, timbre_of};
use crate::LineError;

/// What speaks a voice in a language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Synthesiser {
    /// In process.
    Pico(&'static PicoVoice),
    /// As a program of its own.
    Program(Call),
}

/// Finds the synthesiser and settings of a voice.
///
/// # Errors
/// [`LineError::Voice`] says what is missing and what to do.
pub(crate) fn choose(
    config: &ScratchConfig,
    voice: &Voice,
    language: &str,
) -> Result<(Synthesiser, Settings), LineError> {
    let settings = Settings::new(timbre_of(voice)?);
    let VoiceSource::Scratch { synthesiser, base, .. } = &voice.source else {
        return Err(LineError::Voice(format!("voice `{}` is not a scratch voice", voice.name)));
    };
    let base = base.as_deref();
    if let Some(base) = base {
        check_base(base)?;
    }
    let chosen = match synthesiser {
        ScratchSynthesiser::Pico => Synthesiser::Pico(pico_voice(language, base)?),
        ScratchSynthesiser::Espeak => {
            let program = installed(config.espeak.as_deref(), "espeak-ng", ESPEAK_HELP)?;
            Synthesiser::Program(espeak(program, base.unwrap_or(language), settings))
        }
        ScratchSynthesiser::Say => {
            let program = installed(config.say.as_deref(), "say", SAY_HELP)?;
            let named = base.map_or_else(|| say_voice(language), Ok)?;
            Synthesiser::Program(say(program, named, settings))
        }
    };
    Ok((chosen, settings))
}

const ESPEAK_HELP: &str = "install espeak-ng or choose the synthesiser `pico`";
const SAY_HELP: &str = "it is part of macOS only; choose the synthesiser `pico` or `espeak`";

fn installed(program: Option<&Path>, name: &str, help: &str) -> Result<PathBuf, LineError> {
    let missing = || LineError::Voice(format!("`{name}` is not on this machine; {help}"));
    program.map(Path::to_owned).ok_or_else(missing)
}

/// A base becomes an argument and, inside the programs, part of a path.
fn check_base(base: &str) -> Result<(), LineError> {
    let is_odd = |c: char| c.is_control() || matches!(c, '/' | '\\');
    if base.is_empty() || base.starts_with(['-', '.']) || base.contains(is_odd) {
        let why = "use the synthesiser's own name of a voice, or leave it out";
        return Err(LineError::Voice(format!("`{base}` names no voice; {why}")));
    }
    Ok(())
}

fn pico_voice(language: &str, base: Option<&str>) -> Result<&'static PicoVoice, LineError> {
    let Some(own) = PicoVoice::find(language) else {
        return Err(LineError::Voice(format!(
            "Pico speaks English, German, French, Spanish and Italian, not `{language}`; \
             choose the synthesiser `espeak` or a model that does"
        )));
    };
    let Some(base) = base else { return Ok(own) };
    match PicoVoice::find(base) {
        Some(voice) if voice.locale[..2] == own.locale[..2] => Ok(voice),
        _ => Err(LineError::Voice(format!(
            "Pico has no voice `{base}` for `{language}`; leave it out, or choose `{}`",
            own.locale
        ))),
    }
}

/// Words a minute that espeak-ng says by default.
const ESPEAK_WORDS: f32 = 175.0;

/// espeak-ng's pitch is 50 as it comes; measured, an octave up would be 66 more and an octave down 80
/// less. It goes from 0 to 99, which is 0.66 to 1.7 of its own, and says at least 80 words a minute.
fn espeak(program: PathBuf, voice: &str, settings: Settings) -> Call {
    let octave = if settings.pitch < 1.0 { 80.0 } else { 66.0 };
    let pitch = (50.0 + octave * settings.pitch.log2()).round().clamp(0.0, 99.0);
    let words = (ESPEAK_WORDS * settings.rate).round().clamp(80.0, 450.0);
    let arguments = ["-b", "1", "-v", voice, "-p", &pitch.to_string(), "-s", &words.to_string()];
    Call {
        program,
        arguments: arguments.map(str::to_owned).to_vec(),
        prefix: String::new(),
        input_flag: "-f",
        output_flag: "-w",
    }
}

/// Words a minute that `say` says by default.
const SAY_WORDS: f32 = 175.0;

/// The voice that every Mac has for a language; the first of a language is its default. Named, so
/// that all Macs say a line alike.
const SAY_VOICES: [(&str, &str); 34] = [
    ("en-US", "Samantha"),
    ("en-GB", "Daniel"),
    ("en-AU", "Karen"),
    ("en-IE", "Moira"),
    ("en-ZA", "Tessa"),
    ("de-DE", "Anna"),
    ("fr-FR", "Thomas"),
    ("fr-CA", "Amélie"),
    ("es-ES", "Mónica"),
    ("es-MX", "Paulina"),
    ("it-IT", "Alice"),
    ("ar-001", "Majed"),
    ("cs-CZ", "Zuzana"),
    ("da-DK", "Sara"),
    ("el-GR", "Melina"),
    ("fi-FI", "Satu"),
    ("he-IL", "Carmit"),
    ("hi-IN", "Lekha"),
    ("hu-HU", "Tünde"),
    ("id-ID", "Damayanti"),
    ("ja-JP", "Kyoko"),
    ("ko-KR", "Yuna"),
    ("nb-NO", "Nora"),
    ("nl-NL", "Xander"),
    ("pl-PL", "Zosia"),
    ("pt-BR", "Luciana"),
    ("pt-PT", "Joana"),
    ("ro-RO", "Ioana"),
    ("ru-RU", "Milena"),
    ("sv-SE", "Alva"),
    ("th-TH", "Kanya"),
    ("tr-TR", "Yelda"),
    ("zh-CN", "Tingting"),
    ("zh-TW", "Meijia"),
];

fn say_voice(language: &str) -> Result<&'static str, LineError> {
    let primary = |tag: &str| tag.split(['-', '_']).next().unwrap_or_default().to_lowercase();
    let exact = SAY_VOICES.iter().find(|(tag, _)| tag.eq_ignore_ascii_case(language));
    let near = || SAY_VOICES.iter().find(|(tag, _)| primary(tag) == primary(language));
    let Some((_, voice)) = exact.or_else(near) else {
        return Err(LineError::Voice(format!(
            "no voice of `say` is known for `{language}`; `say -v ?` lists what there is, \
             name one as the base of the voice"
        )));
    };
    Ok(voice)
}

/// `say` takes its rate as an argument and its pitch, in semitones, as a command before the text.
/// Some of Apple's newer voices ignore the pitch.
fn say(program: PathBuf, voice: &str, settings: Settings) -> Call {
    let words = (SAY_WORDS * settings.rate).round().clamp(60.0, 720.0).to_string();
    let format = ["--file-format=WAVE", "--data-format=LEI16@22050"];
    let arguments = [format[0], format[1], "-r", &words, "-v", voice].map(str::to_owned).to_vec();
    let semitones = 12.0 * settings.pitch.log2();
    let prefix =
        if semitones.abs() < 0.05 { String::new() } else { format!("[[pbas {semitones:+.1}]] ") };
    Call { program, arguments, prefix, input_flag: "-f", output_flag: "-o" }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> ScratchConfig {
        ScratchConfig {
            scratch_dir: PathBuf::from("unused"),
            slots: 1,
            say: Some(PathBuf::from("/usr/bin/say")),
            espeak: Some(PathBuf::from("/usr/bin/espeak-ng")),
        }
    }

    fn voice(synthesiser: ScratchSynthesiser, base: Option<&str>, pitch: f32) -> Voice {
        let base = base.map(str::to_owned);
        let source = VoiceSource::Scratch { synthesiser, base, pitch, formant: 0.8, rate: 1.2 };
        Voice { name: "mira".into(), model: "scratch".into(), source }
    }

    fn refusal(config: &ScratchConfig, voice: &Voice, language: &str) -> String {
        choose(config, voice, language).unwrap_err().to_string()
    }

    #[test]
    fn pico_takes_its_accent_from_the_base_within_the_language() {
        let british = voice(ScratchSynthesiser::Pico, Some("en-GB"), 1.0);
        let (chosen, _) = choose(&config(), &british, "en-US").unwrap();
        assert_eq!(chosen, Synthesiser::Pico(PicoVoice::find("en-GB").unwrap()));
        assert_eq!(
            refusal(&config(), &british, "de"),
            "Pico has no voice `en-GB` for `de`; leave it out, or choose `de-DE`"
        );
    }

    #[test]
    fn what_is_missing_is_said_in_one_sentence() {
        use ScratchSynthesiser::{Espeak, Pico, Say};
        let bare = ScratchConfig { say: None, espeak: None, ..config() };
        for (synthesiser, language, said) in [
            (
                Pico,
                "ja",
                "Pico speaks English, German, French, Spanish and Italian, not `ja`; \
                 choose the synthesiser `espeak` or a model that does",
            ),
            (
                Espeak,
                "ja",
                "`espeak-ng` is not on this machine; \
                 install espeak-ng or choose the synthesiser `pico`",
            ),
            (
                Say,
                "ja",
                "`say` is not on this machine; \
                 it is part of macOS only; choose the synthesiser `pico` or `espeak`",
            ),
        ] {
            assert_eq!(refusal(&bare, &voice(synthesiser, None, 1.0), language), said);
        }
    }

    #[test]
    fn a_base_is_a_name_and_never_a_path_or_an_option() {
        for base in ["", "-w", "../x", "a/b", "a\nb"] {
            let refused =
                refusal(&config(), &voice(ScratchSynthesiser::Espeak, Some(base), 1.0), "en");
            assert!(refused.contains("names no voice"), "{base}: {refused}");
        }
    }

    #[test]
    fn programs_are_asked_in_their_own_units() {
        let call = |synthesiser, base| {
            let (chosen, _) = choose(&config(), &voice(synthesiser, base, 1.6), "fr-BE").unwrap();
            let Synthesiser::Program(call) = chosen else { panic!("{chosen:?}") };
            format!("{} | {}", call.arguments.join(" "), call.prefix)
        };
        assert_eq!(call(ScratchSynthesiser::Espeak, None), "-b 1 -v fr-BE -p 99 -s 263 | ");
        assert_eq!(
            call(ScratchSynthesiser::Say, None),
            "--file-format=WAVE --data-format=LEI16@22050 -r 263 -v Thomas | [[pbas +12.0]] "
        );
        assert!(call(ScratchSynthesiser::Say, Some("Amélie")).contains("-v Amélie"));
    }

    #[test]
    fn a_mac_says_each_language_in_one_named_voice() {
        assert_eq!(say_voice("pt"), Ok("Luciana"));
        assert_eq!(say_voice("pt-PT"), Ok("Joana"));
        assert_eq!(say_voice("en_NZ"), Ok("Samantha"));
        assert!(say_voice("tlh").is_err());
    }
}
