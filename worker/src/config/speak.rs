//! Arguments of `speak`.

use std::path::PathBuf;

use clap::{ArgGroup, Args, ValueEnum};
use schemas::ScratchSynthesiser;
use worker::WeightsArg;

use super::{DeviceArgument, EngineArguments};

/// Arguments of `speak`.
#[derive(Debug, Args)]
pub(crate) struct SpeakArguments {
    /// What is said.
    #[arg(required_unless_present = "requests", conflicts_with = "requests")]
    pub(crate) text: Option<String>,
    /// BCP 47, e.g. en-US, de, fr; with --model also the model's own names, and `auto`.
    #[arg(long, value_name = "TAG", default_value = "en")]
    pub(crate) language: String,
    /// The WAV file to write: 24 bits, one channel. With --requests the folder for ID.wav and
    /// ID.codes.json of every request, made when missing.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// A model instead of a scratch voice.
    #[command(flatten)]
    pub(crate) model: ModelArguments,
    /// Who speaks with it.
    #[command(flatten)]
    pub(crate) voice: VoiceArguments,
    /// Pitch against the synthesiser's own, 0.5 to 2.
    #[arg(long, default_value_t = 1.0, conflicts_with = "model")]
    pub(crate) pitch: f32,
    /// Vocal-tract size: above 1 sounds smaller, 0.8 to 1.25.
    #[arg(long, default_value_t = 1.0, conflicts_with = "model")]
    pub(crate) formant: f32,
    /// Speaking rate, 0.5 to 2.
    #[arg(long, default_value_t = 1.0, conflicts_with = "model")]
    pub(crate) rate: f32,
    /// Who speaks without a model.
    #[arg(long, value_enum, default_value = "pico", conflicts_with = "model")]
    synthesiser: Synthesiser,
    /// The synthesiser's own voice, e.g. Samantha for `say`.
    #[arg(long, value_name = "NAME", conflicts_with = "model")]
    pub(crate) base: Option<String>,
    /// The engine.
    #[command(flatten)]
    pub(crate) engine: EngineArguments,
}

/// A model, and how it is spoken with.
#[derive(Debug, Args)]
pub(crate) struct ModelArguments {
    /// Folder of a Qwen3-TTS release as published, or its name among --models.
    #[arg(long, value_name = "DIR")]
    pub(crate) model: Option<PathBuf>,
    /// Folder with the folders of models; may be given more than once.
    #[arg(long, value_name = "DIR", env = "TABLEREAD_MODELS", value_delimiter = ':')]
    pub(crate) models: Vec<PathBuf>,
    /// Many lines to speak: one JSON object a line, with `id`, `text` and `language`; `speaker` and
    /// `instruct`, or `ref_audio` (relative to this file) with `ref_text` or `x_vector_only`;
    /// `non_streaming`, `seed`, `temperature`, `top_k`, `top_p`, `repetition_penalty`,
    /// `max_new_tokens`.
    #[arg(long, value_name = "FILE", requires = "model")]
    pub(crate) requests: Option<PathBuf>,
    /// Take the likeliest of all codes instead of drawing.
    #[arg(long, requires = "model")]
    pub(crate) greedy: bool,
    /// Lines spoken at once.
    #[arg(long, value_name = "N", default_value_t = 8, requires = "requests")]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=1_024))]
    pub(crate) slots: u16,
    /// What computes.
    #[command(flatten)]
    pub(crate) device: DeviceArgument,
    /// What the large matrices are held in: `q8_0` takes less memory on a CPU and is faster there; it
    /// sounds a little different.
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "native", requires = "model")]
    pub(crate) weights: WeightsArg,
    /// Say what became of it as one JSON object.
    #[arg(long, requires = "model")]
    pub(crate) json: bool,
}

/// Who speaks a text with a model, and how.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("who").args(["speaker", "ref_audio", "describe"]).conflicts_with("requests"))]
pub(crate) struct VoiceArguments {
    /// A speaker that a customvoice model was trained with, e.g. ryan.
    #[arg(long, value_name = "NAME", requires_all = ["model", "text"])]
    pub(crate) speaker: Option<String>,
    /// A WAV file of who speaks, 3 to 30 seconds, for a base model.
    #[arg(long, value_name = "FILE", requires_all = ["model", "text"])]
    pub(crate) ref_audio: Option<PathBuf>,
    /// What is said in it, word for word; without it only the timbre is cloned.
    #[arg(long, value_name = "TEXT", requires = "ref_audio")]
    pub(crate) ref_text: Option<String>,
    /// What the voice is like, in words, for a voicedesign model.
    #[arg(long, value_name = "TEXT", requires_all = ["model", "text"])]
    pub(crate) describe: Option<String>,
    /// How it is said, in words.
    #[arg(long, value_name = "TEXT", requires = "speaker")]
    #[arg(conflicts_with_all = ["ref_audio", "describe"])]
    pub(crate) instruct: Option<String>,
    /// Seeds the line's generator: another seed is another take.
    #[arg(long, value_name = "N", default_value_t = 0, requires_all = ["model", "text"])]
    pub(crate) seed: u64,
    /// Frames of 80 ms that the line may have, and one more; by the text's length when not given.
    #[arg(long, value_name = "N", requires_all = ["model", "text"])]
    pub(crate) max_new_tokens: Option<usize>,
}

/// Who speaks without a model.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Synthesiser {
    /// Built in: English, German, French, Spanish, Italian.
    Pico,
    /// The `say` command of macOS.
    Say,
    /// The `espeak-ng` command.
    Espeak,
}

impl SpeakArguments {
    /// Who speaks without a model.
    pub(crate) fn synthesiser(&self) -> ScratchSynthesiser {
        match self.synthesiser {
            Synthesiser::Pico => ScratchSynthesiser::Pico,
            Synthesiser::Say => ScratchSynthesiser::Say,
            Synthesiser::Espeak => ScratchSynthesiser::Espeak,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use crate::config::Arguments;

    fn is_taken(arguments: &str) -> bool {
        let words = ["tableread-worker", "speak", "--out", "o"].into_iter();
        Arguments::try_parse_from(words.chain(arguments.split(' '))).is_ok()
    }

    #[test]
    fn a_text_or_requests_are_spoken_never_both_and_requests_by_a_model() {
        for fit in [
            "Hello.",
            "--model m --requests r",
            "--model m --requests r --slots 3 --greedy --weights q8_0 --json",
            "Hello. --model m --speaker ryan --instruct softly --seed 3",
            "Hello. --model m --ref-audio v.wav --ref-text words",
            "Hello. --model m --describe low",
            "Hello. --model m",
        ] {
            assert!(is_taken(fit), "{fit}");
        }
        for wrong in [
            "--model m",
            "--requests r",
            "Hello. --model m --requests r",
            "Hello. --greedy",
            "Hello. --speaker ryan",
            "Hello. --model m --speaker ryan --ref-audio v.wav",
            "Hello. --model m --speaker ryan --describe low",
            "Hello. --model m --ref-text words",
            "Hello. --model m --describe low --instruct softly",
            "Hello. --model m --pitch 1.2",
            "--model m --requests r --speaker ryan",
        ] {
            assert!(!is_taken(wrong), "{wrong}");
        }
    }
}
