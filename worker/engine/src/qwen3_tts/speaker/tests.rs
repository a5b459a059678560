use candle_core::Tensor;

use super::*;
use crate::qwen3_tts::golden::{Golden, assert_near};

/// Every seed whose goldens have the encoder's stages.
const RELEASES: [&str; 2] = ["s1/base-0b6", "s2/base-0b6"];

/// Largest measured: 1.2e-5, in a band that holds almost nothing, which the logarithm magnifies.
const MEL_TOLERANCE: f32 = 1e-4;

/// Largest measured: 5.4e-5, of numbers up to 32.
const STAGE_TOLERANCE: f32 = 1e-4;

/// Largest measured: 6e-7, of numbers up to 1.1.
const TOLERANCE: f32 = 5e-6;

fn encoder(golden: &Golden) -> SpeakerEncoder {
    let (config, weights) = golden.model();
    SpeakerEncoder::new(&config.speaker_encoder_config, &weights).unwrap()
}

#[test]
fn the_spectrogram_is_the_references() {
    for release in RELEASES {
        let golden = Golden::open(release);
        let samples = golden.numbers("prompt/long_ref_wav");
        let mels = encoder(&golden).mel.forward(&samples).unwrap();
        assert_near(&mels, golden.tensor("spk/24k/mel"), MEL_TOLERANCE, release);
    }
}

#[test]
fn every_stage_is_the_references_on_its_spectrogram() {
    for release in RELEASES {
        let golden = Golden::open(release);
        let network = encoder(&golden).network;
        let near = |ours: &Tensor, stage: &str| {
            let name = format!("spk/24k/{stage}");
            assert_near(ours, golden.tensor(&name), STAGE_TOLERANCE, &format!("{release} {name}"));
        };
        let blocks = network.blocks(golden.tensor("spk/24k/mel")).unwrap();
        for (index, rows) in blocks.iter().enumerate() {
            near(&rows.t().unwrap(), &format!("block{index}"));
        }
        let joined = network.join(&blocks).unwrap();
        near(&joined.t().unwrap(), "mfa");
        let pooled = network.pool(&joined).unwrap();
        near(&pooled.t().unwrap(), "asp");
        near(&network.embed(&pooled).unwrap(), "embedding");
    }
}

#[test]
fn the_prompts_embeddings_are_the_references() {
    for release in RELEASES {
        let golden = Golden::open(release);
        let encoder = encoder(&golden);
        for (recording, prompt) in [("long", "xv"), ("long", "icl"), ("short", "iclshort")] {
            let samples = golden.numbers(&format!("prompt/{recording}_ref_wav"));
            let ours = Tensor::new(encoder.embed(&samples).unwrap(), &Device::Cpu).unwrap();
            let expected = golden.tensor(&format!("prompt/{prompt}/spk_embedding"));
            assert_near(&ours, expected, TOLERANCE, &format!("{release} {prompt}"));
        }
    }
}

#[test]
fn the_shortest_recording_is_embedded_and_a_shorter_one_refused() {
    let encoder = encoder(&Golden::open(RELEASES[0]));
    assert_eq!(encoder.min_samples(), 1280);
    let samples = vec![0.1; 1280];
    let embedding = encoder.embed(&samples).unwrap();
    assert!(embedding.iter().all(|number| number.is_finite()), "{embedding:?}");
    assert!(encoder.embed(&samples[1..]).is_err());
}
