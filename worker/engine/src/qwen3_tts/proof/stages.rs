//! What each stage of a proof compares. A stage is given what the reference gave it, so that one
//! that is wrong does not fail those behind it; only codes come from whole lines.

use candle_core::{DType, Result, Tensor};

use super::{Proof, Stage};
use crate::qwen3_tts::Frame;
use crate::qwen3_tts::codec::decoder;
use crate::qwen3_tts::config::CODES;
use crate::qwen3_tts::distance::farthest;
use crate::qwen3_tts::frames::{Admission, Frames, StepOutcome};
use crate::qwen3_tts::predictor::Begun;
use crate::qwen3_tts::prompt::{Layout, Prefill, PromptRequest, PromptVoice, assemble};
use crate::qwen3_tts::sampling::{Draws, Sampling};

/// The line whose predictor logits are shipped.
const PREDICTED: &str = "timbre";

/// Ids that the reference's lines were allowed.
const MOST_IDS: usize = 8;

/// Steps after which the last line of a batch joins.
const LATE: usize = 2;

impl Proof<'_> {
    /// The largest difference that a stage has, in its own unit.
    pub(super) fn measure(&self, stage: Stage) -> Result<f32> {
        match stage {
            Stage::Tokenizer => Ok(self.texts_cut_otherwise()),
            Stage::Prompt => self.largest(|name| self.prompt(name)),
            Stage::Prefill => self.largest(|name| self.behind_prompt(name)),
            Stage::Steps => self.largest(|name| self.behind_frames(name)),
            Stage::Predictor => self.predictor(),
            Stage::Sampling => self.sampling(),
            Stage::Codes => self.largest(|name| self.codes(name)),
            Stage::Batch => self.batch(),
            Stage::Decoder => self.decoder(),
            Stage::Spectrogram => {
                let ours =
                    self.opened.speaker.spectrogram(&self.shipped.numbers("recording/wav")?)?;
                apart(&ours, self.shipped.golden("recording/mel")?)
            }
            Stage::Speaker => {
                let ours = self.opened.speaker.embed(&self.shipped.numbers("recording/wav")?)?;
                let ours = Tensor::new(ours, &candle_core::Device::Cpu)?;
                apart(&ours, self.shipped.golden("recording/embedding")?)
            }
            Stage::Encoder => self.encoder(),
        }
    }

    /// The largest of what the lines give.
    fn largest(&self, line: impl Fn(&str) -> Result<f32>) -> Result<f32> {
        let mut largest = 0.0;
        for name in self.said.lines.keys() {
            largest = worse(largest, line(name)?);
        }
        Ok(largest)
    }

    fn texts_cut_otherwise(&self) -> f32 {
        let differs =
            |cut: &&super::shipped::Cut| self.opened.tokenizer.line(&cut.text).ids != cut.ids;
        let count = self.said.texts.iter().filter(differs).count();
        f32::from(u16::try_from(count).unwrap_or(u16::MAX))
    }

    /// A line's prompt, made of its text and the recording.
    fn prefill(&self, name: &str) -> Result<Prefill> {
        let (opened, line) = (&self.opened, &self.said.lines[name]);
        let ids = opened.tokenizer.line(&line.text);
        let embedding = self.shipped.golden("recording/embedding")?;
        let transcript = opened.tokenizer.transcript(&self.said.transcript);
        let frames = self.shipped.frames("recording/codes")?;
        let voice = if line.is_continued {
            PromptVoice::Continued { embedding, transcript: &transcript, frames: &frames }
        } else {
            PromptVoice::Embedded(embedding)
        };
        let layout = if line.is_whole { Layout::Whole } else { Layout::Streaming };
        let request =
            PromptRequest { line: &ids, voice, instruct: None, language: Some("English"), layout };
        assemble(opened.frames.tables(), &opened.config, &request)
            .map_err(|error| candle_core::Error::Msg(error.to_string()))
    }

    fn prompt(&self, name: &str) -> Result<f32> {
        let Prefill { embeds, trailing, pad, .. } = self.prefill(name)?;
        let embeds = apart(&embeds, self.golden(name, "prefill_embeds")?)?;
        // The reference goes on with the padding where there is no text left.
        let trailing = trailing.unwrap_or(pad);
        Ok(worse(embeds, apart(&trailing, self.golden(name, "trailing_text_hidden")?)?))
    }

    fn behind_prompt(&self, name: &str) -> Result<f32> {
        let talker = &self.opened.frames.talker;
        let embeds = self.adopted(name, "prefill_embeds")?;
        let mut cache = talker.cache(1);
        let hidden = talker.prefill(&embeds, 0..embeds.dim(0)?, &mut cache, 0)?;
        apart(&talker.logits(&hidden)?.squeeze(0)?, self.golden(name, "logits0")?)
    }

    fn behind_frames(&self, name: &str) -> Result<f32> {
        let (talker, tables) = (&self.opened.frames.talker, self.opened.frames.tables());
        let config = &self.opened.config.talker_config;
        let embeds = self.adopted(name, "prefill_embeds")?;
        let positions = embeds.dim(0)?;
        let mut cache = talker.cache(1);
        let mut hidden = vec![talker.prefill(&embeds, 0..positions, &mut cache, 0)?];
        let trailing = self.adopted(name, "trailing_text_hidden")?;
        let pad = self.prefill(name)?.pad;
        for (index, frame) in self.shipped.frames(&format!("{name}/codes"))?.iter().enumerate() {
            let text =
                if index < trailing.dim(0)? { trailing.narrow(0, index, 1)? } else { pad.clone() };
            let next = (tables.frames(&[*frame])? + text)?;
            hidden.push(talker.step(&next, &[positions + index], &mut cache)?);
        }
        let logits = talker.logits(&Tensor::cat(&hidden, 0)?)?;
        let codes = logits.narrow(1, 0, config.codebook_size())?;
        let ends = logits.narrow(1, config.codec_eos_token_id as usize, 1)?.squeeze(1)?;
        let codes = apart(&codes, self.golden(name, "logits_code")?)?;
        Ok(worse(codes, apart(&ends, self.golden(name, "logits_eos")?)?))
    }

    fn predictor(&self) -> Result<f32> {
        let model = &self.opened.frames;
        let inputs = self.adopted(PREDICTED, "pred_inputs")?; // [T, 2, E]
        let count = inputs.dim(0)?;
        let codes = self.golden(PREDICTED, "codes")?.narrow(0, 0, count)?.to_device(self.device)?;
        let book = |book: usize| codes.narrow(1, book, 1)?.squeeze(1)?.contiguous();
        let mut logits = Vec::new();
        let mut cache = model.predictor.cache(count);
        let mut choose = |place: usize, row: &Tensor| {
            logits.push(row.clone());
            book(place)
        };
        let hidden = inputs.narrow(1, 0, 1)?.squeeze(1)?.contiguous()?;
        let begun = Begun { hidden, first: book(0)? };
        model.predictor.complete(&model.tables, &begun, &mut cache, &mut choose)?;
        apart(&Tensor::stack(&logits, 1)?, self.golden(PREDICTED, "pred_logits")?)
    }

    fn codes(&self, name: &str) -> Result<f32> {
        let spoken = self.speak(&[name], 1)?;
        self.lead_lost(name, &spoken[0])
    }

    /// Speaks all lines at once. Where rounding does not depend on the company, neither may codes.
    fn batch(&self) -> Result<f32> {
        let names: Vec<&str> = self.said.lines.keys().map(String::as_str).collect();
        let together = self.speak(&names, names.len())?;
        let mut largest = 0.0;
        for (name, spoken) in names.iter().zip(&together) {
            if self.device.is_cpu() && spoken != &self.speak(&[name], 1)?[0] {
                candle_core::bail!("line `{name}` has other codes in company than alone");
            }
            largest = worse(largest, self.lead_lost(name, spoken)?);
        }
        Ok(largest)
    }

    /// Speaks lines greedily in so many slots; with several the last joins late.
    fn speak(&self, names: &[&str], slots: usize) -> Result<Vec<Vec<Frame>>> {
        let model = &self.opened.frames;
        let mut seated = Frames::new(model, slots);
        let mut spoken = vec![Vec::new(); names.len()];
        let mut who = vec![0; slots];
        let prefills = names.iter().map(|name| self.prefill(name)).collect::<Result<Vec<_>>>()?;
        let mut waiting = prefills.iter().enumerate();
        let last = names.len() - 1;
        for step in 0.. {
            let has_time = |place: usize| place < last || last == 0 || step >= LATE;
            while let Some((place, prefill)) =
                waiting.clone().next().filter(|next| has_time(next.0))
            {
                waiting.next();
                let (sampling, draws) = (greedy(), Draws::seeded(0));
                let admission = Admission { prefill, prefix: None, sampling, draws };
                who[seated.admit(model, admission)?] = place;
            }
            if seated.free_slots() == slots && waiting.len() == 0 {
                break;
            }
            for (slot, outcome) in seated.step(model)? {
                match outcome {
                    StepOutcome::Frame(frame) => spoken[who[slot]].push(frame),
                    StepOutcome::Ended(_) => {}
                }
            }
        }
        Ok(spoken)
    }

    /// By how much the reference preferred its choice where ours was another one first.
    fn lead_lost(&self, name: &str, ours: &[Frame]) -> Result<f32> {
        let golden = self.shipped.frames(&format!("{name}/codes"))?;
        let leads: Vec<Vec<f32>> = self.golden(name, "leads")?.to_vec2()?;
        let at = |index: usize| match (ours.get(index), golden.get(index)) {
            (Some(ours), Some(golden)) => (0..CODES).find(|&code| ours[code] != golden[code]),
            (None, None) => None,
            _ => Some(0),
        };
        let lost = (0..ours.len().max(golden.len())).find_map(|index| Some((index, at(index)?)));
        let Some((index, code)) = lost else { return Ok(0.0) };
        Ok(leads.get(index).map_or(f32::INFINITY, |leads| leads[code]))
    }

    fn decoder(&self) -> Result<f32> {
        let frames = self.shipped.frames("decoder/codes")?;
        let lines = [decoder::Line { reference: None, frames: &frames }];
        let decoded = self.opened.decoder.decode(&lines)?;
        let ours = Tensor::new(decoded[0].as_slice(), &candle_core::Device::Cpu)?;
        apart(&ours, self.shipped.golden("decoder/wav")?)
    }

    fn encoder(&self) -> Result<f32> {
        let samples = self.shipped.numbers("recording/wav")?;
        let heard = self.opened.encoder.hear(&samples)?;
        let largest = apart(&heard, self.shipped.golden("recording/features")?)?;
        if self.opened.encoder.encode(&samples)? != self.shipped.frames("recording/codes")? {
            candle_core::bail!("the recording has other codes, {largest:e} apart before them");
        }
        Ok(largest)
    }

    pub(super) fn golden(&self, line: &str, field: &str) -> Result<&Tensor> {
        self.shipped.golden(&format!("{line}/{field}"))
    }

    /// A golden as the model's own tensors are.
    fn adopted(&self, line: &str, field: &str) -> Result<Tensor> {
        self.opened.frames.tables().adopt(self.golden(line, field)?)
    }
}

/// The likeliest of all codes, as the reference spoke.
fn greedy() -> Sampling {
    Sampling { talker: None, predictor: None, repetition_penalty: 1.0, max_tokens: MOST_IDS }
}

fn apart(ours: &Tensor, golden: &Tensor) -> Result<f32> {
    debug_assert_eq!(golden.dtype(), DType::F32, "goldens are of F32");
    Ok(farthest(ours, golden)?.1)
}

/// The larger; NaN is worse than any number.
fn worse(a: f32, b: f32) -> f32 {
    if b.total_cmp(&a).is_gt() { b } else { a }
}
