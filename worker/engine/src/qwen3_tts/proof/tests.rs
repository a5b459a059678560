use candle_core::Tensor;

use super::*;

/// The stages that fail on the CPU once the shipped checkpoint or its goldens are `disturbed`.
fn failed(disturb: impl FnOnce(&mut Shipped)) -> Vec<Stage> {
    let mut shipped = Shipped::unpack().unwrap();
    disturb(&mut shipped);
    let findings = prove(&shipped, &Device::Cpu, &ALL).unwrap();
    findings.iter().filter(|finding| !finding.is_passed()).map(|finding| finding.stage).collect()
}

/// Adds to the first number of a tensor.
fn shift(tensor: &mut Tensor, by: f32) {
    let mut numbers: Vec<f32> = tensor.flatten_all().unwrap().to_vec1().unwrap();
    numbers[0] += by;
    *tensor = Tensor::from_vec(numbers, tensor.shape(), &Device::Cpu).unwrap();
}

/// Another last code.
fn swap_last(tensor: &mut Tensor) {
    let mut codes: Vec<u32> = tensor.flatten_all().unwrap().to_vec1().unwrap();
    let last = codes.last_mut().unwrap();
    *last = (*last + 1) % 64;
    *tensor = Tensor::from_vec(codes, tensor.shape(), &Device::Cpu).unwrap();
}

#[test]
fn a_cpu_passes_every_stage() {
    let findings = whole(&Device::Cpu).unwrap();
    let stages: Vec<_> = findings.iter().map(|finding| finding.stage).collect();
    assert_eq!(stages, ALL);
    for finding in findings {
        assert!(finding.is_passed(), "{finding:?}");
    }
    assert!(quick(&Device::Cpu).unwrap().iter().all(Finding::is_passed));
}

/// A proof that cannot fail proves nothing: every stage is failed by a golden of its own.
#[test]
fn a_golden_that_is_off_fails_its_stage() {
    use Stage as S;
    let by = 2e-4;
    for (golden, stages) in [
        ("timbre/logits0", &[S::Prefill][..]),
        ("whole/logits_code", &[S::Steps]),
        ("continued/logits_eos", &[S::Steps]),
        ("timbre/pred_logits", &[S::Predictor]),
        ("decoder/wav", &[S::Decoder]),
        ("recording/mel", &[S::Spectrogram]),
        ("recording/embedding", &[S::Prompt, S::Speaker]),
        ("recording/features", &[S::Encoder]),
    ] {
        let failed = failed(|shipped| shift(shipped.goldens.get_mut(golden).unwrap(), by));
        assert_eq!(failed, stages, "{golden}");
    }
    // What is compared here is given to other stages, too.
    for (golden, stage) in
        [("continued/prefill_embeds", S::Prompt), ("continued/trailing_text_hidden", S::Prompt)]
    {
        let failed = failed(|shipped| shift(shipped.goldens.get_mut(golden).unwrap(), by));
        assert!(failed.contains(&stage), "{golden}: {failed:?}");
    }
}

#[test]
fn codes_and_ids_that_are_others_fail_their_stages() {
    use Stage as S;
    for line in ["timbre", "continued", "whole"] {
        let codes = format!("{line}/codes");
        let failed = failed(|shipped| swap_last(shipped.goldens.get_mut(&codes).unwrap()));
        assert!(failed.contains(&S::Codes) && failed.contains(&S::Batch), "{line}: {failed:?}");
    }
    let failed = |name: &str| failed(|shipped| swap_last(shipped.goldens.get_mut(name).unwrap()));
    assert!(failed("recording/codes").contains(&S::Encoder));
    assert!(failed("decoder/codes").contains(&S::Decoder));
}

#[test]
fn a_text_that_is_cut_otherwise_fails_the_tokenizer() {
    let failed = failed(|shipped| {
        let merges = shipped.files.get_mut("merges.txt").unwrap();
        let text = String::from_utf8(std::mem::take(merges)).unwrap();
        let lines: Vec<_> = text.lines().filter(|line| *line != "H ello").collect();
        *merges = lines[..lines.len() - 1].join("\n").into_bytes();
    });
    assert!(failed.contains(&Stage::Tokenizer), "{failed:?}");
}

/// Each part of the checkpoint, a little off, fails the stages that compute with it.
#[test]
fn a_weight_that_is_off_fails_what_computes_with_it() {
    use Stage as S;
    let by = 0.05;
    for (weight, stages) in [
        ("talker.text_projection.linear_fc2.bias", &[S::Prompt][..]),
        ("talker.model.layers.2.self_attn.k_norm.weight", &[S::Prefill, S::Steps]),
        ("talker.model.layers.0.mlp.down_proj.weight", &[S::Prefill, S::Steps]),
        ("talker.model.norm.weight", &[S::Prefill, S::Steps]),
        ("talker.code_predictor.model.layers.1.mlp.up_proj.weight", &[S::Predictor]),
        ("talker.code_predictor.lm_head.14.weight", &[S::Predictor]),
        ("speaker_encoder.fc.bias", &[S::Speaker]),
    ] {
        let failed = failed(|shipped| {
            let weight = shipped.model.get_mut(weight).unwrap();
            *weight = weight.to_dtype(candle_core::DType::F32).unwrap();
            shift(weight, by);
        });
        assert!(stages.iter().all(|stage| failed.contains(stage)), "{weight}: {failed:?}");
    }
    for (weight, stages) in [
        ("decoder.pre_transformer.layers.0.self_attn.o_proj.weight", [S::Decoder]),
        ("decoder.decoder.1.block.1.conv.weight", [S::Decoder]),
        ("encoder.downsample.conv.weight", [S::Encoder]),
    ] {
        let failed = failed(|shipped| shift(shipped.codec.get_mut(weight).unwrap(), by));
        assert_eq!(failed, stages, "{weight}");
    }
}

#[test]
fn numbers_that_are_none_fail() {
    let failed = failed(|shipped| {
        shift(shipped.codec.get_mut("decoder.pre_conv.conv.bias").unwrap(), f32::NAN);
    });
    assert_eq!(failed, [Stage::Decoder]);
}

/// Where rounding may decide, a choice that the reference hardly preferred is no failure.
#[test]
fn a_choice_is_lost_by_the_lead_that_the_reference_had() {
    let mut shipped = Shipped::unpack().unwrap();
    swap_last(shipped.goldens.get_mut("timbre/codes").unwrap());
    let codes = prove(&shipped, &Device::Cpu, &[Stage::Codes]).unwrap().remove(0);
    let leads: Vec<Vec<f32>> = shipped.golden("timbre/leads").unwrap().to_vec2().unwrap();
    let last_frame = leads.len() - 2;
    assert!((codes.largest - leads[last_frame][15]).abs() < 1e-9, "{codes:?}");
    assert!(!codes.is_passed());
}
