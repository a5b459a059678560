//! Prompts and frames of the tiny releases, held to the reference's.

mod batching;
#[cfg(feature = "cuda")]
mod cuda;
mod eight_bits;
mod parity;
mod prompts;

use std::collections::BTreeMap;

use candle_core::{DType, Device, Tensor};
use serde::Deserialize;

use super::*;
use crate::qwen3_tts::config::{GenerationConfig, ModelConfig};
use crate::qwen3_tts::golden::Golden;
use crate::qwen3_tts::prompt::{Layout, PromptRequest, PromptVoice, assemble};
use crate::qwen3_tts::tokenizer::LineIds;
use crate::qwen3_tts::weights::{self, WeightFormat, Weights};

/// Every release that has goldens.
const RELEASES: [&str; 7] = [
    "s1/base-0b6",
    "s1/base-1b7",
    "s1/custom_voice-0b6",
    "s1/custom_voice-1b7",
    "s1/voice_design-1b7",
    "s2/base-0b6",
    "s2/custom_voice-1b7",
];

/// One tiny release, its goldens and the lines they were made from.
struct Release {
    name: &'static str,
    golden: Golden,
    config: ModelConfig,
    generation: GenerationConfig,
    model: FrameModel,
    cases: BTreeMap<String, Case>,
}

/// What is read of `*.goldens.json`.
#[derive(Deserialize)]
struct Goldens {
    cases: BTreeMap<String, serde_json::Value>,
}

/// A line that the reference spoke by itself.
#[derive(Debug, Deserialize)]
struct Case {
    api: String,
    params: Params,
    voice: Vec<String>,
    stopped_by_eos: bool,
}

/// What the reference was asked for; what is absent was left to its defaults.
#[derive(Debug, Deserialize)]
struct Params {
    language: Option<String>,
    speaker: Option<String>,
    instruct: Option<String>,
    non_streaming_mode: Option<bool>,
    do_sample: Option<bool>,
    subtalker_dosample: Option<bool>,
    repetition_penalty: Option<f64>,
    max_new_tokens: usize,
}

impl Release {
    fn open(name: &'static str) -> Self {
        Self::held_in(WeightFormat::Native, name)
    }

    fn held_in(format: WeightFormat, name: &'static str) -> Self {
        Self::open_on(format, name, &Device::Cpu, DType::F32)
    }

    /// As [`Self::open`], on any device and in any type.
    fn open_on(format: WeightFormat, name: &'static str, device: &Device, dtype: DType) -> Self {
        let folder = fixtures::path(&format!("reference/{name}"));
        let config = ModelConfig::read(&folder.join("config.json")).unwrap();
        let layout = weights::Layout::of_model(&config);
        let weights = Weights::open(&folder.join("model.safetensors"), &layout).unwrap();
        let json = fixtures::text(&format!("reference/{name}.goldens.json"));
        let goldens: Goldens = serde_json::from_str(&json).unwrap();
        // Batches, of which each line is a case as well, have rows instead.
        let alone = goldens.cases.into_iter().filter(|(_, case)| case.get("rows").is_none());
        Self {
            name,
            golden: Golden::open(name),
            generation: GenerationConfig::read(&folder.join("generation_config.json")).unwrap(),
            model: FrameModel::load_as(format, &weights, &config, (device, dtype)).unwrap(),
            config,
            cases: alone
                .map(|(name, case)| (name, serde_json::from_value(case).unwrap()))
                .collect(),
        }
    }

    /// A golden of one case.
    fn tensor(&self, case: &str, field: &str) -> &Tensor {
        self.golden.tensor(&format!("{case}/{field}"))
    }

    /// The same, where not every case has it.
    fn get(&self, case: &str, field: &str) -> Option<&Tensor> {
        self.golden.get(&format!("{case}/{field}"))
    }

    /// Ids of a case, empty where it has none.
    fn ids(&self, case: &str, field: &str) -> Vec<u32> {
        self.get(case, field).map(ids).unwrap_or_default()
    }

    /// A case's frames.
    fn codes(&self, case: &str) -> Vec<Frame> {
        frames(self.tensor(case, "codes"))
    }

    fn prefill(&self, name: &str) -> Prefill {
        let Case { api, params, voice, .. } = &self.cases[name];
        let line = LineIds { ids: self.ids(name, "input_ids") };
        let reference = self.ids(name, "ref_ids");
        let recording = voice.first().map(|voice| self.recording(voice));
        let voice = match &recording {
            Some((embedding, Some(frames))) => PromptVoice::Continued {
                embedding,
                transcript: &reference[3..reference.len() - 2],
                frames,
            },
            Some((embedding, None)) => PromptVoice::Embedded(embedding),
            None => match params.speaker.as_deref() {
                None | Some("") => PromptVoice::Described,
                Some(name) => PromptVoice::Named(name),
            },
        };
        let mut instruct = self.ids(name, "instruct_ids");
        if params.instruct.as_ref().is_some_and(|text| !text.is_empty()) && instruct.is_empty() {
            instruct = vec![1, 2, 3]; // dropped by the reference before it was recorded
        }
        let is_whole = params.non_streaming_mode.unwrap_or(api != "generate_voice_clone");
        let request = PromptRequest {
            line: &line,
            voice,
            instruct: (!instruct.is_empty()).then_some(&instruct),
            language: params.language.as_deref(),
            layout: if is_whole { Layout::Whole } else { Layout::Streaming },
        };
        assemble(self.model.tables(), &self.config, &request).unwrap()
    }

    /// A voice's embedding and, if it goes on from its recording, that.
    fn recording(&self, voice: &str) -> (Tensor, Option<Vec<Frame>>) {
        let at = format!("prompt/{voice}");
        (self.tensor(&at, "spk_embedding").clone(), self.get(&at, "ref_code").map(frames))
    }

    fn sampling(&self, name: &str) -> Sampling {
        let params = &self.cases[name].params;
        let mut config = self.generation.clone();
        config.max_new_tokens = params.max_new_tokens;
        config.do_sample = params.do_sample.unwrap_or(config.do_sample);
        config.subtalker_do_sample =
            params.subtalker_dosample.unwrap_or(config.subtalker_do_sample);
        config.repetition_penalty = params.repetition_penalty.unwrap_or(config.repetition_penalty);
        Sampling::from(&config)
    }

    fn draws(&self, name: &str) -> Draws {
        match self.get(name, "uniforms") {
            Some(numbers) => Draws::given(numbers.to_vec1::<f64>().unwrap()),
            None => Draws::seeded(0),
        }
    }

    fn admission<'a>(&self, name: &str, prefill: &'a Prefill) -> Admission<'a> {
        let (sampling, draws) = (self.sampling(name), self.draws(name));
        Admission { prefill, prefix: None, sampling, draws }
    }
}

fn ids(tensor: &Tensor) -> Vec<u32> {
    tensor.to_dtype(DType::U32).unwrap().to_vec1().unwrap()
}

fn frames(tensor: &Tensor) -> Vec<Frame> {
    let rows: Vec<Vec<u32>> = tensor.to_dtype(DType::U32).unwrap().to_vec2().unwrap();
    let code = |code: u32| u16::try_from(code).unwrap();
    let frame = |row: Vec<u32>| row.into_iter().map(code).collect::<Vec<_>>().try_into().unwrap();
    rows.into_iter().map(frame).collect()
}

/// The bits of a row of `[B, E]`.
fn bits(batch: &Tensor, row: usize) -> Vec<u32> {
    let row = batch.get(row).unwrap().to_vec1::<f32>().unwrap();
    row.into_iter().map(f32::to_bits).collect()
}

/// What a line gave: its frames, why it ended, and the bits behind each choice.
#[derive(Debug, Clone, Default, PartialEq)]
struct Spoken {
    frames: Vec<Frame>,
    ending: Option<Ending>,
    /// `E` numbers for each choice, the one that ended it included.
    hidden: Vec<Vec<u32>>,
}

/// Speaks `lines`, which come in this order and each after so many steps of the others, in `slots`.
fn speak(release: &Release, slots: usize, lines: &[(String, usize)]) -> Vec<Spoken> {
    let prefills: Vec<Prefill> = lines.iter().map(|(case, _)| release.prefill(case)).collect();
    let mut seated = Frames::new(&release.model, slots);
    let mut spoken = vec![Spoken::default(); lines.len()];
    let mut who = vec![usize::MAX; slots];
    let (mut next, mut wait) = (0, 0);
    while next < lines.len() || seated.free_slots() < slots {
        while next < lines.len() && seated.free_slots() > 0 && wait == 0 {
            let admission = release.admission(&lines[next].0, &prefills[next]);
            who[seated.admit(&release.model, admission).unwrap()] = next;
            next += 1;
            wait = lines.get(next).map_or(0, |(_, wait)| *wait);
        }
        wait = wait.saturating_sub(1);
        if let Some(hidden) = &seated.hidden {
            for (row, line) in seated.lines.iter().enumerate() {
                spoken[who[line.slot]].hidden.push(bits(hidden, row));
            }
        }
        for (slot, outcome) in seated.step(&release.model).unwrap() {
            match outcome {
                StepOutcome::Frame(frame) => spoken[who[slot]].frames.push(frame),
                StepOutcome::Ended(ending) => spoken[who[slot]].ending = Some(ending),
            }
        }
    }
    spoken
}
