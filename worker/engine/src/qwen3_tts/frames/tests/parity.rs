//! What talker and predictor compute, and the codes that follow.

use candle_core::IndexOp;

use super::*;
use crate::qwen3_tts::golden::assert_near;
use crate::qwen3_tts::stack::Pass;

/// Layers and hidden vectors: twice the largest difference there is, 7.6e-6, and a bit.
const HIDDEN: f32 = 2e-5;

/// Logits: twice the largest difference there is, 2.8e-5.
const LOGITS: f32 = 6e-5;

/// Lines that are spoken at once. That it makes no difference is `batching`'s to show.
const SLOTS: usize = 16;

#[test]
fn every_line_has_the_references_codes() {
    for name in RELEASES {
        let release = Release::open(name);
        let lines: Vec<_> = release.cases.keys().map(|case| (case.clone(), 0)).collect();
        for ((case, _), spoken) in lines.iter().zip(speak(&release, SLOTS, &lines)) {
            let what = format!("{name} {case}");
            assert_eq!(spoken.frames, release.codes(case), "{what}");
            let is_said = release.cases[case].stopped_by_eos;
            let expected = if is_said { Ending::Said } else { Ending::Capped };
            assert_eq!(spoken.ending, Some(expected), "{what}");
            let hidden: Vec<f32> =
                spoken.hidden.iter().flatten().copied().map(f32::from_bits).collect();
            let shape = (spoken.hidden.len(), ());
            let hidden = Tensor::from_vec(hidden, shape, &Device::Cpu).unwrap();
            assert_choices(&release, case, &hidden);
        }
    }
}

/// Holds what chose each frame, `[frames + 1, E]`, and the logits that follow to the reference's.
fn assert_choices(release: &Release, case: &str, hidden: &Tensor) {
    let near = |ours: Tensor, field: &str, tolerance: f32| {
        let what = format!("{} {case} {field}", release.name);
        assert_near(&ours, release.tensor(case, field), tolerance, &what);
    };
    let frames = hidden.dim(0).unwrap() - 1;
    near(hidden.narrow(0, 0, frames).unwrap(), "hidden", HIDDEN);
    let logits = release.model.talker.logits(hidden).unwrap();
    near(logits.get(0).unwrap(), "logits0", LOGITS);
    let config = &release.config.talker_config;
    near(logits.narrow(1, 0, config.codebook_size()).unwrap(), "logits_code", LOGITS);
    let end = logits.narrow(1, config.codec_eos_token_id as usize, 1).unwrap();
    near(end.squeeze(1).unwrap(), "logits_eos", LOGITS);
}

/// Releases without all of a case's stages have none of them.
fn full_cases(release: &Release) -> Vec<&String> {
    let is_full = |case: &&String| release.get(case, "prefill_layers").is_some();
    release.cases.keys().filter(is_full).collect()
}

#[test]
fn every_layer_of_the_talker_is_the_references() {
    for name in RELEASES {
        let release = Release::open(name);
        let (model, cases) = (&release.model, full_cases(&release));
        assert!(!cases.is_empty(), "{name} has no case with layers");
        for case in cases {
            let what = format!("{name} {case}");
            let embeds = release.tensor(case, "prefill_embeds");
            let length = embeds.dim(0).unwrap();
            let (stack, mut cache) = (&model.talker.stack, model.talker.cache(1));
            let mut layers = Vec::new();
            let mut watch = |x: &Tensor| layers.push(x.clone());
            let pass = Pass::prefill(stack.rope(), &mut cache, 0, 0..length).unwrap();
            stack.watched(&embeds.unsqueeze(0).unwrap(), &cache, &pass, &mut watch).unwrap();
            let layers = Tensor::cat(&layers, 0).unwrap();
            assert_near(&layers, release.tensor(case, "prefill_layers"), HIDDEN, &what);

            let first = release.codes(case)[0];
            let text = release.tensor(case, "trailing_text_hidden").narrow(0, 0, 1).unwrap();
            let next = (model.tables.frames(&[first]).unwrap() + text).unwrap();
            let mut layers = Vec::new();
            let mut watch = |x: &Tensor| layers.push(x.squeeze(0).unwrap());
            let pass = Pass::step(stack.rope(), &mut cache, &[length]).unwrap();
            stack.watched(&next.unsqueeze(0).unwrap(), &cache, &pass, &mut watch).unwrap();
            let layers = Tensor::cat(&layers, 0).unwrap();
            assert_near(&layers, release.tensor(case, "step1_layers"), HIDDEN, &what);
        }
    }
}

#[test]
fn the_predictor_computes_what_the_references_does() {
    for name in RELEASES {
        let release = Release::open(name);
        let model = &release.model;
        for case in full_cases(&release) {
            let what = format!("{name} {case}");
            let inputs = release.tensor(case, "pred_inputs"); // [T, 2, E]
            let (hidden, count) = (inputs.i((.., 0)).unwrap(), inputs.dim(0).unwrap());
            let codes = release.tensor(case, "codes").narrow(0, 0, count).unwrap();
            let codes = codes.to_dtype(DType::U32).unwrap();
            let book = |book: usize| codes.i((.., book)).unwrap();
            let mut logits = Vec::new();
            // All frames of the line at once: for the predictor they are lines like any others.
            let mut cache = model.predictor.cache(count);
            let mut choose = |place: usize, row: &Tensor| {
                logits.push(row.clone());
                Ok(book(place))
            };
            let begun = Begun { hidden, first: book(0) };
            let predicted =
                model.predictor.complete(&model.tables, &begun, &mut cache, &mut choose).unwrap();
            let logits = Tensor::stack(&logits, 1).unwrap();
            assert_near(&logits, release.tensor(case, "pred_logits"), LOGITS, &what);
            let sum = model.tables.frames(&release.codes(case)[..count]).unwrap();
            assert_near(&predicted.embedding, &sum, 1e-6, &what);
            let own: Vec<Vec<u32>> = predicted.codes.to_vec2().unwrap();
            assert_eq!(own, codes.to_vec2::<u32>().unwrap(), "{what}");
        }
    }
}

#[test]
fn a_capped_line_has_one_frame_less_than_ids() {
    let release = Release::open("s1/base-0b6");
    let spoken = speak(&release, 1, &[("cap6".to_owned(), 0)]).remove(0);
    assert_eq!(release.sampling("cap6").max_tokens, 6);
    assert_eq!((spoken.frames.len(), spoken.ending), (5, Some(Ending::Capped)));
}
