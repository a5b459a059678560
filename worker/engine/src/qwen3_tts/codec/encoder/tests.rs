use super::*;
use crate::qwen3_tts::golden::{Golden, assert_near};

/// Every seed whose goldens have the encoder's stages.
const RELEASES: [&str; 2] = ["s1/base-0b6", "s2/base-0b6"];

/// Largest measured: 4e-6, of numbers up to 7.
const TOLERANCE: f32 = 2e-5;

fn encoder(golden: &Golden) -> CodecEncoder {
    let (config, weights) = golden.codec();
    CodecEncoder::new(&config, &weights).unwrap()
}

/// Where two rows are nearest to within this, the reference's rounding decides and ours may differ:
/// below what separates our vectors from the reference's.
const NEAR_TIE: f32 = 5e-6;

/// Fails unless our codes are the reference's; one frame may differ, at a near tie.
fn assert_encodes(golden: &Golden, encoder: &CodecEncoder, wav: &str, codes: &str) {
    let rows = encoder.hear(&golden.numbers(wav)).unwrap();
    let (ours, expected) = (encoder.quantizer.codes(&rows).unwrap(), golden.frames(codes));
    assert_eq!(ours.len(), expected.len(), "{codes}");
    for (index, frame) in expected.iter().enumerate() {
        let detour = encoder.quantizer.detour(&rows.narrow(0, index, 1).unwrap(), frame).unwrap();
        assert!(detour <= NEAR_TIE, "{codes}, frame {index}: farther than the nearest by {detour}");
    }
    let differ = ours.iter().zip(&expected).filter(|(ours, frame)| ours != frame).count();
    assert!(differ <= 1, "{codes}: {differ} frames differ");
}

#[test]
fn codes_are_the_references_for_every_length() {
    for release in RELEASES {
        let golden = Golden::open(release);
        let encoder = encoder(&golden);
        for samples in [1_usize, 1919, 1920, 1921, 15_000, 48_000] {
            let at = format!("codec_enc/n{samples}");
            let (wav, codes) = (format!("{at}/wav"), format!("{at}/codes"));
            assert_eq!(
                golden.frames::<u16>(&codes).len(),
                samples.div_ceil(1920),
                "{release} {at}"
            );
            assert_encodes(&golden, &encoder, &wav, &codes);
        }
    }
}

#[test]
fn the_prompts_recordings_have_the_references_codes() {
    for release in RELEASES {
        let golden = Golden::open(release);
        let encoder = encoder(&golden);
        for (recording, prompt) in [("long", "icl"), ("short", "iclshort")] {
            let wav = format!("prompt/{recording}_ref_wav");
            assert_encodes(&golden, &encoder, &wav, &format!("prompt/{prompt}/ref_code"));
        }
    }
}

/// Without the rounding in front of it, nothing is left to differ by.
#[test]
fn the_references_vectors_have_the_references_codes() {
    for release in RELEASES {
        let golden = Golden::open(release);
        let encoder = encoder(&golden);
        for at in ["codec_enc/n15000", "codec_enc/n48000"] {
            let rows = golden.tensor(&format!("{at}/downsample")).t().unwrap();
            let ours = encoder.quantizer.codes(&rows.contiguous().unwrap()).unwrap();
            let expected: Vec<Frame> = golden.frames(&format!("{at}/codes"));
            assert_eq!(ours, expected, "{release} {at}");
        }
    }
}

#[test]
fn every_stage_is_the_references() {
    for release in RELEASES {
        let golden = Golden::open(release);
        let encoder = encoder(&golden);
        for at in ["codec_enc/n15000", "codec_enc/n48000"] {
            let near = |ours: &Tensor, stage: &str| {
                let name = format!("{at}/{stage}");
                let ours = ours.t().unwrap();
                assert_near(&ours, golden.tensor(&name), TOLERANCE, &format!("{release} {name}"));
            };
            let samples = golden.tensor(&format!("{at}/wav")).unsqueeze(1).unwrap();
            let rows = encoder.seanet.forward(&samples).unwrap();
            near(&rows, "seanet");
            let heard = encoder.transformer.forward(&rows).unwrap();
            near(&heard, "transformer");
            near(&encoder.halve(&heard).unwrap(), "downsample");
        }
    }
}

#[test]
fn nothing_makes_no_frames() {
    let encoder = encoder(&Golden::open(RELEASES[0]));
    assert_eq!(encoder.encode(&[]).unwrap(), Vec::<Frame>::new());
}

/// What is heard later does not change what was heard before, but for the frame it falls into.
#[test]
fn a_longer_recording_begins_with_the_codes_of_a_shorter_one() {
    let golden = Golden::open(RELEASES[0]);
    let encoder = encoder(&golden);
    let samples = golden.numbers("codec_enc/n48000/wav");
    let whole = encoder.encode(&samples).unwrap();
    let part = encoder.encode(&samples[..10 * 1920]).unwrap();
    assert_eq!(part, whole[..10]);
}
