//! The whole, held to the reference's codes and waveforms.

use std::collections::BTreeMap;

use candle_core::Tensor;
use schemas::ReferenceTake;
use serde::Deserialize;

use super::*;
use crate::qwen3_tts::codec::decoder::Line as Decoded;
use crate::qwen3_tts::golden::{Golden, assert_near};
use crate::qwen3_tts::prompt::Layout;
use crate::qwen3_tts::ready::RATE_HZ;
use crate::qwen3_tts::voice::{ClonePrompt, Origin, Recording};
use crate::qwen3_tts::{LineRequest, OpenConfig, SpokenLine, open};
use crate::{ContinuousBatch, Finished, Samples, Speaker, Utterance, Vocoder};

/// Waveforms. Codes are equal, so this is rounding in the decoder.
const WAVES: f32 = 2e-5;

const RELEASES: [&str; 7] = [
    "s1/base-0b6",
    "s1/base-1b7",
    "s1/custom_voice-0b6",
    "s1/custom_voice-1b7",
    "s1/voice_design-1b7",
    "s2/base-0b6",
    "s2/custom_voice-1b7",
];

/// A tiny release and the lines that the reference spoke with it greedily.
struct Release {
    name: &'static str,
    golden: Golden,
    model: QwenModel,
    lines: BTreeMap<String, LineRequest>,
}

#[derive(Deserialize)]
struct Goldens {
    cases: BTreeMap<String, serde_json::Value>,
    #[serde(default)]
    prompts: BTreeMap<String, GoldenPrompt>,
}

#[derive(Deserialize)]
struct GoldenPrompt {
    ref_text: Option<String>,
}

#[derive(Deserialize)]
struct Case {
    params: Params,
    #[serde(default)]
    voice: Vec<String>,
}

#[derive(Deserialize)]
struct Params {
    text: String,
    language: Option<String>,
    speaker: Option<String>,
    instruct: Option<String>,
    non_streaming_mode: Option<bool>,
    do_sample: Option<bool>,
    repetition_penalty: Option<f64>,
    max_new_tokens: usize,
}

fn config(name: &str) -> QwenConfig {
    let release = fixtures::path(&format!("reference/{name}"));
    QwenConfig {
        release,
        name: None,
        device: Device::Cpu,
        weights: WeightFormat::Native,
        words: Words::Native,
        pins: Pins::default(),
        recordings: Box::new(recording),
    }
}

/// The recordings that the reference's voices were made of.
fn recording(name: &str) -> Result<Samples, String> {
    let golden = Golden::open("s1/base-0b6");
    match golden.get(&format!("prompt/{name}_ref_wav")) {
        Some(samples) => Ok(Samples { samples: samples.to_vec1().unwrap(), rate_hz: RATE_HZ }),
        None => Err(format!("there is no recording {name}")),
    }
}

impl Release {
    fn open(name: &'static str) -> Self {
        let json = fixtures::text(&format!("reference/{name}.goldens.json"));
        let goldens: Goldens = serde_json::from_str(&json).unwrap();
        let mut release = Self {
            name,
            golden: Golden::open(name),
            model: QwenModel::open(config(name)).unwrap(),
            lines: BTreeMap::new(),
        };
        // Batches, of which each line is a case as well, have rows instead.
        let alone = goldens.cases.iter().filter(|(_, case)| case.get("rows").is_none());
        for (name, case) in alone {
            let case: Case = serde_json::from_value(case.clone()).unwrap();
            if case.params.do_sample == Some(false) {
                let line = release.line(case, &goldens.prompts);
                release.lines.insert(name.clone(), line);
            }
        }
        assert!(release.lines.len() > 5, "{name}");
        release
    }

    fn line(&self, case: Case, prompts: &BTreeMap<String, GoldenPrompt>) -> LineRequest {
        let Case { params, voice } = case;
        let who = match (voice.first(), params.speaker.as_deref()) {
            (Some(voice), _) => self.kept(voice, prompts[voice].ref_text.as_deref()),
            (None, None | Some("")) => Who::Described,
            (None, Some(name)) => Who::Named(name.to_owned()),
        };
        let layout = |is_whole| if is_whole { Layout::Whole } else { Layout::Streaming };
        LineRequest {
            text: params.text,
            voice: VoiceRequest {
                who,
                instruct: params.instruct,
                language: params.language.unwrap_or_default(),
                layout: params.non_streaming_mode.map(layout),
            },
            choosing: Choosing {
                is_greedy: true,
                repetition_penalty: params.repetition_penalty,
                max_new_tokens: Some(params.max_new_tokens),
                ..Choosing::default()
            },
            seed: 0,
        }
    }

    /// What the reference heard in a recording.
    fn kept(&self, voice: &str, transcript: Option<&str>) -> Who {
        let frames = format!("prompt/{voice}/ref_code");
        let recording = self.golden.get(&frames).map(|_| Recording {
            transcript: self.model.tokenizer.transcript(transcript.unwrap()),
            frames: self.golden.frames(&frames),
        });
        let hash = "0".repeat(64);
        let prompt = ClonePrompt {
            origin: Origin {
                audio_sha256: hash.clone(),
                model_sha256: hash.clone(),
                codec_sha256: hash,
            },
            x_vector: self.golden.numbers(&format!("prompt/{voice}/spk_embedding")),
            recording,
        };
        Who::Kept(prompt.to_bytes().unwrap().into())
    }

    fn speak(&self, lines: &[LineRequest], slots: usize) -> Vec<Result<SpokenLine, LineError>> {
        let mut spoken = BTreeMap::new();
        let mut done = |place, result| assert!(spoken.insert(place, result).is_none());
        let tally = self.model.speak_all(lines, slots, &mut done).unwrap();
        assert!(tally.moves <= tally.steps * slots as u64, "{tally:?}");
        assert_eq!(spoken.len(), lines.len());
        spoken.into_values().collect()
    }
}

#[test]
fn every_greedy_line_has_the_references_codes_and_waveform_in_any_number_of_seats() {
    for name in RELEASES {
        let release = Release::open(name);
        let lines: Vec<_> = release.lines.values().cloned().collect();
        let alone = release.speak(&lines, 1);
        let mut waves = 0;
        for (case, spoken) in release.lines.keys().zip(&alone) {
            let what = format!("{} {case}", release.name);
            let SpokenLine { frames, samples } = spoken.as_ref().expect(&what);
            assert_eq!(*frames, release.golden.frames::<u16>(&format!("{case}/codes")), "{what}");
            if let Some(wave) = release.golden.get(&format!("{case}/wav")) {
                let ours = Tensor::new(samples.samples.as_slice(), &Device::Cpu).unwrap();
                assert_near(&ours, wave, WAVES, &what);
                waves += 1;
            }
        }
        assert!(waves > 0, "{name} has no waveform");
        for slots in [3, 8] {
            assert!(release.speak(&lines, slots) == alone, "{name}, {slots} seats");
        }
    }
}

#[test]
fn a_voice_heard_here_speaks_as_one_that_the_reference_heard() {
    let release = Release::open("s1/base-0b6");
    for (case, recording, transcript) in [
        ("xv_stream_rp1.0_L1", "long", None),
        ("icl_stream_L0", "long", Some("This is it.")),
        ("icl_nonstream_L1", "long", Some("This is it.")),
    ] {
        let mut line = release.lines[case].clone();
        let (recording, transcript) = (recording.to_owned(), transcript.map(str::to_owned));
        line.voice.who = Who::Recorded { recording, transcript };
        let spoken = release.speak(&[line], 1).remove(0).unwrap();
        assert_eq!(spoken.frames, release.golden.frames::<u16>(&format!("{case}/codes")), "{case}");
    }
}

#[test]
fn a_line_continued_from_what_was_heard_is_the_end_of_recording_and_line_decoded_whole() {
    let release = Release::open("s1/base-0b6");
    for case in ["icl_stream_L0", "iclshort_stream_L1"] {
        let line = &release.lines[case];
        let SpokenLine { frames, samples } =
            release.speak(std::slice::from_ref(line), 1).remove(0).unwrap();
        let voice = release.model.ready(&line.voice).unwrap();
        let mut whole = voice.heard().unwrap().frames().to_vec();
        assert!(!whole.is_empty());
        whole.extend(&frames);
        let decoder = release.model.vocoder();
        let whole = Decoded { reference: None, frames: &whole };
        let whole = decoder.decoder().decode(&[whole]).unwrap().remove(0);
        let tail = &whole[whole.len() - samples.samples.len()..];
        let [ours, tail] = [samples.samples.as_slice(), tail]
            .map(|samples| Tensor::new(samples, &Device::Cpu).unwrap());
        assert_near(&ours, &tail, WAVES, case);
        // Alone the line would sound otherwise: what was heard matters.
        let unheard = Utterance { frames: &frames, prompt: &described() };
        let unheard = decoder.decode(&[unheard]).unwrap().remove(0).unwrap();
        assert_ne!(unheard.samples, samples.samples);
    }
}

fn described() -> ReadyVoice {
    let release = QwenModel::open(config("s1/voice_design-1b7")).unwrap();
    release.ready(&voice_of(Who::Described)).unwrap()
}

fn voice_of(who: Who) -> VoiceRequest {
    VoiceRequest { who, instruct: None, language: "en".to_owned(), layout: None }
}

#[test]
fn one_bad_line_costs_one_line() {
    let release = Release::open("s1/base-0b6");
    let good = release.lines["xv_stream_rp1.0_L1"].clone();
    let broken = |change: &dyn Fn(&mut LineRequest)| {
        let mut line = good.clone();
        change(&mut line);
        line
    };
    let recorded = |name: &str, transcript: Option<&str>| Who::Recorded {
        recording: name.to_owned(),
        transcript: transcript.map(str::to_owned),
    };
    let bad = [
        (broken(&|line| line.voice.who = Who::Named("vivian".into())), "knows nobody by name"),
        (broken(&|line| line.voice.who = Who::Described), "speaks like a recording"),
        (broken(&|line| line.voice.who = Who::Kept([1, 2].into())), "kept voice is damaged"),
        (broken(&|line| line.voice.who = recorded("lost", None)), "there is no recording lost"),
        (broken(&|line| line.voice.who = recorded("long", Some(""))), "is empty"),
        (broken(&|line| line.voice.instruct = Some("loud".into())), "takes no instruction"),
        (broken(&|line| line.voice.language = "Klingon".into()), "does not speak `Klingon`"),
        (broken(&|line| line.choosing.top_p = Some(2.0)), "top_p is 2"),
        (broken(&|line| line.text = "a".repeat(LONGEST_TEXT + 1)), "more than 10000 characters"),
    ];
    let mut lines: Vec<_> = bad.iter().map(|(line, _)| line.clone()).collect();
    lines.insert(2, good.clone());
    lines.push(good.clone());
    let mut spoken = release.speak(&lines, 3);
    let alone = release.speak(&[good], 1).remove(0);
    assert_eq!([spoken.pop().unwrap(), spoken.remove(2)], [alone.clone(), alone]);
    for (spoken, (_, reason)) in spoken.into_iter().zip(bad) {
        let error = spoken.map(|line| line.frames).expect_err(reason).to_string();
        assert!(error.contains(reason), "{error}, not {reason}");
    }
}

/// What the engine's own batch makes of lines in a voice.
fn through_the_seam(name: &str, source: &VoiceSource, slots: usize) -> Vec<Finished> {
    let model = QwenModel::open(config(name)).unwrap();
    let voice = Voice { name: "v".to_owned(), model: model.name.clone(), source: source.clone() };
    let vocoder = model.vocoder();
    let mut batch = ContinuousBatch::new(model, vocoder, slots, 1 << 30).unwrap();
    for (text, tag) in TEXTS.into_iter().zip(0..) {
        batch.admit(Request {
            tag,
            text: text.to_owned(),
            pauses: Vec::new(),
            language: "en-GB".to_owned(),
            voice: voice.clone(),
            seed: 40 + tag,
        });
    }
    let mut finished = Vec::new();
    while !batch.is_idle() {
        finished.extend(batch.turn().unwrap());
    }
    finished.sort_by_key(|line| line.tag);
    finished
}

const TEXTS: [&str; 4] = ["Who's there?", "Nay, answer me.", "Stand and unfold yourself.", "No."];

#[test]
fn the_seam_gives_what_the_same_lines_give_underneath() {
    let reference = ReferenceTake {
        mood: "neutral".to_owned(),
        audio_sha256: "long".to_owned(),
        transcript: Some("This is it.".to_owned()),
    };
    let preset = VoiceSource::Preset { speaker: "Vivian".to_owned(), instruct: None };
    for (name, source) in [
        ("s1/base-1b7", VoiceSource::Clone { reference }),
        ("s1/custom_voice-1b7", preset),
        ("s1/voice_design-1b7", VoiceSource::Design { describe: "An old man.".to_owned() }),
    ] {
        let model = QwenModel::open(config(name)).unwrap();
        let voice = voice_request(&source, "en-GB").unwrap();
        let line = |(text, seed): (&str, u64)| LineRequest {
            text: text.to_owned(),
            voice: voice.clone(),
            choosing: Choosing::default(),
            seed,
        };
        let lines: Vec<_> = TEXTS.into_iter().zip(40..).map(line).collect();
        let mut expected = BTreeMap::new();
        let mut done = |place, result: Result<SpokenLine, LineError>| {
            expected.insert(place, result.map(|line| line.samples));
        };
        model.speak_all(&lines, 2, &mut done).unwrap();
        assert!(expected.values().any(Result::is_ok), "{name}: {expected:?}");
        for slots in [1, 3] {
            let finished = through_the_seam(name, &source, slots);
            assert_eq!(finished.len(), TEXTS.len());
            for (line, expected) in finished.iter().zip(expected.values()) {
                assert!(line.result == *expected, "{name}, {slots} seats, line {}", line.tag);
            }
        }
    }
}

#[test]
fn what_the_seam_cannot_have_spoken_is_refused_with_a_reason() {
    let model = QwenModel::open(config("s1/custom_voice-1b7")).unwrap();
    let preset =
        |speaker: &str| VoiceSource::Preset { speaker: speaker.to_owned(), instruct: None };
    let voice = |model: &str, source| Voice { name: "v".into(), model: model.into(), source };
    let name = model.name.clone();
    assert_eq!(name, "qwen3-tts-12hz-1.7b-customvoice");
    for (voice, language, reason) in [
        (voice("other", preset("vivian")), "en", "this worker has qwen3-tts"),
        (voice(&name, preset("nobody")), "en", "the model has no speaker `nobody`; it has"),
        (voice(&name, preset("vivian")), "fi", "does not speak `fi`"),
    ] {
        let error = model.prepare_voice(&voice, language).unwrap_err().to_string();
        assert!(error.contains(reason), "{error}, not {reason}");
    }
}

#[test]
fn a_speaker_names_the_weights_that_decide_its_takes() {
    let of = |name: &str| {
        let speaker = open(OpenConfig {
            model: config(name),
            slots: 2,
            voice_bytes: 1 << 30,
            prompts: None,
            identity: None,
        })
        .unwrap();
        speaker.caps()
    };
    let caps = of("s1/base-0b6");
    assert_eq!((caps.slots, caps.rate_hz), (2, 24_000));
    assert_eq!(caps.models, ["qwen3-tts-12hz-0.6b-base"]);
    assert_eq!(caps.engine, of("s1/base-0b6").engine);
    assert_ne!(caps.engine, of("s2/base-0b6").engine);
}
