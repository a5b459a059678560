//! Prompts.

use super::*;
use crate::qwen3_tts::golden::assert_near;

/// Twice the largest difference there is, 9.5e-7.
const TOLERANCE: f32 = 2e-6;

#[test]
fn prompts_are_the_references() {
    for name in RELEASES {
        let release = Release::open(name);
        for case in release.cases.keys() {
            let what = format!("{name} {case}");
            let prefill = release.prefill(case);
            let near = |ours: &Tensor, field: &str| {
                assert_near(
                    ours,
                    release.tensor(case, field),
                    TOLERANCE,
                    &format!("{what} {field}"),
                );
            };
            near(&prefill.embeds, "prefill_embeds");
            near(prefill.trailing.as_ref().unwrap_or(&prefill.pad), "trailing_text_hidden");
            near(&prefill.pad.squeeze(0).unwrap(), "tts_pad_embed");
        }
    }
}

/// Two lines of one voice: as many positions are equal as the prompt says, and not one more.
#[test]
fn lines_of_a_voice_share_what_their_prompts_say() {
    for (release, one, other, shared) in [
        ("s1/base-0b6", "xv_stream_rp1.0_L1", "xv_stream_rp1.0_L2", 9),
        ("s1/base-0b6", "icl_stream_L1", "icl_stream_L2", 13),
        ("s1/base-0b6", "iclshort_stream_L1", "mix_single_iclshort_L0", 17),
        ("s1/base-1b7", "icl_float_cut_L1", "icl_float_cut_L3", 13),
        ("s1/custom_voice-1b7", "plain_rp1.0_L1", "plain_rp1.0_L2", 8),
        ("s1/voice_design-1b7", "design_rp1.0_L1", "design_rp1.0_L2", 43),
    ] {
        let release = Release::open(release);
        let (one, other) = (release.prefill(one), release.prefill(other));
        assert_eq!((one.shared, other.shared), (shared, shared), "{}", release.name);
        for position in 0..shared {
            let equal = bits(&one.embeds, position) == bits(&other.embeds, position);
            assert!(equal, "{} {position}", release.name);
        }
        let is_all = shared + 1 == one.embeds.dim(0).unwrap();
        let differs = bits(&one.embeds, shared) != bits(&other.embeds, shared);
        assert!(differs || is_all, "{} shares more", release.name);
    }
}

#[test]
fn what_the_model_was_not_trained_with_is_refused_by_name() {
    let release = Release::open("s1/custom_voice-1b7");
    let line = LineIds { ids: release.ids("plain_rp1.0_L1", "input_ids") };
    let refusal = |voice, language| {
        let layout = Layout::Whole;
        let request = PromptRequest { line: &line, voice, instruct: None, language, layout };
        assemble(release.model.tables(), &release.config, &request).unwrap_err().to_string()
    };
    let stranger = refusal(PromptVoice::Named("Nemo"), None);
    assert_eq!(stranger, "the model has no speaker \"Nemo\"");
    let foreign = refusal(PromptVoice::Described, Some("Klingon"));
    assert_eq!(foreign, "the model has no language \"klingon\"");
    let embedding =
        Tensor::zeros(release.config.talker_config.hidden_size, DType::F32, &Device::Cpu).unwrap();
    let silent =
        PromptVoice::Continued { embedding: &embedding, transcript: &[], frames: &[[0; CODES]] };
    assert_eq!(refusal(silent, None), "the recording has no words or no frames");
}
