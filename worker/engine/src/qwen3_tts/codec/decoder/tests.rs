use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::Value;

use super::reference::Together;
use super::segments::{BLOCK, CONTEXT};
use super::*;
use crate::qwen3_tts::config::CODES;
use crate::qwen3_tts::golden::{Golden, assert_near};

/// Every seed whose goldens have the decoder's stages.
const STAGED: [&str; 2] = ["s1/base-0b6", "s2/base-0b6"];

/// Every release whose goldens have lines with samples.
const SPOKEN: [&str; 7] = [
    "s1/base-0b6",
    "s1/base-1b7",
    "s1/custom_voice-0b6",
    "s1/custom_voice-1b7",
    "s1/voice_design-1b7",
    "s2/base-0b6",
    "s2/custom_voice-1b7",
];

/// Largest measured: 5.1e-6, behind the second block.
const STAGE_TOLERANCE: f32 = 2e-5;

/// Of samples, which are −1 to 1. Largest measured: 5.7e-6.
const SAMPLE_TOLERANCE: f32 = 2e-5;

fn decoder(golden: &Golden) -> CodecDecoder {
    let (config, weights) = golden.codec();
    CodecDecoder::new(&config, &weights).unwrap()
}

fn alone(decoder: &CodecDecoder, frames: &[Frame]) -> Vec<f32> {
    decoder.decode(&[Line { reference: None, frames }]).unwrap().remove(0)
}

/// All frames of one row, without blocks.
fn endless(decoder: &CodecDecoder, frames: &[Frame], portions: &[usize]) -> Vec<f32> {
    let mut state = decoder.fresh(1).unwrap();
    let mut samples = Vec::new();
    let mut rest = frames;
    for &portion in portions.iter().chain([&frames.len()]) {
        let (now, later) = rest.split_at(portion.min(rest.len()));
        let sound = decoder.advance(&[now], &mut state).unwrap();
        samples.extend(sound.flatten_all().unwrap().to_vec1::<f32>().unwrap());
        rest = later;
    }
    samples
}

/// Frames that follow from a seed.
fn frames(seed: u16, count: usize) -> Vec<Frame> {
    let mut state = u32::from(seed).wrapping_mul(0x9e37_79b9) | 1;
    let mut code = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        u16::try_from((state >> 8) % 64).unwrap()
    };
    (0..count).map(|_| std::array::from_fn::<u16, CODES, _>(|_| code())).collect()
}

#[track_caller]
fn assert_same_sound(ours: &[f32], expected: &[f32], tolerance: f32, what: &str) {
    let tensor = |samples: &[f32]| Tensor::new(samples, &Device::Cpu).unwrap();
    assert_near(&tensor(ours), &tensor(expected), tolerance, what);
}

#[test]
fn every_stage_is_the_references() {
    for release in STAGED {
        let golden = Golden::open(release);
        let decoder = decoder(&golden);
        let near = |ours: &Tensor, stage: &str| {
            let name = format!("codec_dec/T5/{stage}");
            let what = format!("{release} {name}");
            assert_near(&ours.squeeze(1).unwrap(), golden.tensor(&name), STAGE_TOLERANCE, &what);
        };
        let columns = |x: &Tensor| x.permute((2, 1, 0)).unwrap();
        let frames = golden.frames("codec_dec/T5/codes");
        let state = &mut decoder.fresh(1).unwrap();
        let x = decoder.quantizer.forward(&[&frames]).unwrap();
        near(&columns(&x), "quantized");
        let x = decoder.pre_conv.forward(&x, state).unwrap();
        near(&columns(&x), "pre_conv");
        let mut x = decoder.pre_transformer.forward(&x, state).unwrap();
        near(&x, "pre_transformer");
        for (index, stage) in decoder.upsample.iter().enumerate() {
            x = stage.forward(&x, state).unwrap();
            near(&columns(&x), &format!("upsample{index}"));
        }
        x = decoder.waves.first.forward(&x, state).unwrap();
        near(&columns(&x), "decoder0");
        for (index, block) in decoder.waves.blocks.iter().enumerate().take(2) {
            x = block.forward(&x, state).unwrap();
            near(&columns(&x), &format!("decoder{}", index + 1));
        }
    }
}

#[test]
fn samples_are_the_references() {
    for release in STAGED {
        let golden = Golden::open(release);
        let decoder = decoder(&golden);
        for length in [1, 2, 5, 17] {
            let at = format!("codec_dec/T{length}");
            let ours = alone(&decoder, &golden.frames(&format!("{at}/codes")));
            let expected = golden.numbers(&format!("{at}/wav"));
            assert_same_sound(&ours, &expected, SAMPLE_TOLERANCE, &format!("{release} {at}"));
        }
    }
}

#[test]
fn long_lines_are_decoded_in_the_references_blocks() {
    for release in STAGED {
        let golden = Golden::open(release);
        let decoder = decoder(&golden);
        let frames = golden.frames("codec_dec/T612/codes");
        let ours = alone(&decoder, &frames);
        let endless = endless(&decoder, &frames, &[]);
        assert_eq!(ours.len(), 612 * decoder.frame_samples());
        let mut largest = 0f32;
        let some = golden.tensor("codec_dec/T612/frames").to_vec1::<i64>().unwrap();
        let expected = golden.tensor("codec_dec/T612/wav_frames").to_vec2::<f32>().unwrap();
        for (frame, expected) in some.into_iter().zip(expected) {
            let frame = usize::try_from(frame).unwrap();
            let samples = frame * decoder.frame_samples()..(frame + 1) * decoder.frame_samples();
            let what = format!("{release} frame {frame} of 612");
            assert_same_sound(&ours[samples.clone()], &expected, SAMPLE_TOLERANCE, &what);
            for (endless, expected) in endless[samples].iter().zip(expected) {
                largest = largest.max((endless - expected).abs());
            }
        }
        assert!(largest > 100.0 * SAMPLE_TOLERANCE, "blocks are not heard: {largest}");
    }
}

#[test]
fn lines_are_cut_as_the_reference_cuts_them() {
    let mut continued = 0;
    for release in SPOKEN {
        let golden = Golden::open(release);
        let decoder = decoder(&golden);
        let json = fixtures::text(&format!("reference/{release}.goldens.json"));
        let json: Value = serde_json::from_str(&json).unwrap();
        for (case, facts) in json["cases"].as_object().unwrap() {
            let Some(expected) = golden.get(&format!("{case}/wav")) else { continue };
            let expected = expected.to_vec1::<f32>().unwrap();
            let frames = golden.frames(&format!("{case}/codes"));
            let voice = facts["voice"][0].as_str();
            let voice = voice.filter(|voice| json["prompts"][voice]["icl"].as_bool().unwrap());
            let reference = voice.map(|voice| {
                continued += 1;
                decoder.listen(&golden.frames(&format!("prompt/{voice}/ref_code"))).unwrap()
            });
            let line = Line { reference: reference.as_ref(), frames: &frames };
            let ours = decoder.decode(&[line]).unwrap().remove(0);
            assert_same_sound(&ours, &expected, SAMPLE_TOLERANCE, &format!("{release} {case}"));
        }
    }
    assert!(continued >= 10, "only {continued} lines continue a recording");
}

#[test]
fn a_line_sounds_the_same_in_any_company() {
    let golden = Golden::open(STAGED[0]);
    let decoder = decoder(&golden);
    let reference = decoder.listen(&frames(9, 23)).unwrap();
    let rows: Vec<_> = [3, 17, 0, 9, 1, 40].iter().map(|&n| frames(n, usize::from(n))).collect();
    let lines: Vec<_> = rows
        .iter()
        .enumerate()
        .map(|(row, frames)| Line { reference: (row % 2 == 1).then_some(&reference), frames })
        .collect();
    let together = decoder.decode(&lines).unwrap();
    for (line, together) in lines.iter().zip(together) {
        assert_eq!(together, decoder.decode(&[*line]).unwrap().remove(0));
    }
}

/// What a GPU does with them; on a CPU nothing but this test decodes rows side by side.
#[test]
fn rows_side_by_side_sound_like_rows_alone() {
    let golden = Golden::open(STAGED[0]);
    let decoder = decoder(&golden);
    let reference = decoder.listen(&frames(9, 23)).unwrap();
    let rows: Vec<_> = [70, 41, 17, 17, 3, 1].iter().map(|&n| frames(n, usize::from(n))).collect();
    let lines: Vec<_> = rows
        .iter()
        .enumerate()
        .map(|(row, frames)| Line { reference: (row % 2 == 1).then_some(&reference), frames })
        .collect();
    for rows in 2..=lines.len() {
        for spare_frames in [0, 60, 1_000] {
            let together = decoder.decode_by(&lines, Together { rows, spare_frames }).unwrap();
            for (row, (line, together)) in lines.iter().zip(together).enumerate() {
                let alone = decoder.decode(&[*line]).unwrap().remove(0);
                let what = format!("row {row} by {rows}, {spare_frames} to spare");
                assert_same_sound(&together, &alone, SAMPLE_TOLERANCE, &what);
            }
        }
    }
}

#[test]
fn a_recording_is_continued_as_if_it_were_decoded_again() {
    let golden = Golden::open(STAGED[0]);
    let decoder = decoder(&golden);
    let all = frames(5, 2 * BLOCK + 10);
    let again = alone(&decoder, &all);
    let recordings =
        [0, 1, 120, BLOCK - 1, BLOCK, BLOCK + 1, BLOCK + CONTEXT, 2 * BLOCK - 1, 2 * BLOCK];
    for heard in recordings {
        let reference = decoder.listen(&all[..heard]).unwrap();
        let reference = decoder.recall(reference.tensors().unwrap()).unwrap();
        for total in [heard + 7, (heard + 1).max(BLOCK + 10)] {
            let frames = &all[heard..total];
            let line = Line { reference: Some(&reference), frames };
            let ours = decoder.decode(&[line]).unwrap().remove(0);
            let samples = decoder.frame_samples();
            // Nothing hears what comes after it, so one long line has the samples of all.
            let expected = &again[segments::cut(heard, total, samples)..total * samples];
            let what = format!("{heard} of {total}");
            assert_same_sound(&ours, expected, SAMPLE_TOLERANCE, &what);
        }
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let golden = Golden::open(STAGED[0]);
    let decoder = decoder(&golden);
    let unknown = [[64; CODES]];
    let error = decoder.decode(&[Line { reference: None, frames: &unknown }]).unwrap_err();
    assert!(error.to_string().contains("code 64 of book 0 is not below 64"), "{error}");

    let one = frames(1, 1);
    let mut two_rows = decoder.fresh(2).unwrap();
    assert!(decoder.advance(&[&one], &mut two_rows).is_err());

    let reference = decoder.listen(&frames(2, 12)).unwrap();
    for (name, tensor) in reference.tensors().unwrap() {
        let mut without = reference.tensors().unwrap();
        without.remove(&name);
        assert!(decoder.recall(without.clone()).is_err(), "without {name}");
        without.insert(name.clone(), Tensor::cat(&[&tensor, &tensor], 0).unwrap());
        assert!(decoder.recall(without).is_err(), "{name} twice as long");
    }
    assert!(decoder.recall(BTreeMap::new()).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn frames_sound_the_same_in_any_portions(
        seed in 0u16..1000,
        count in 1usize..120,
        portions in prop::collection::vec(0usize..40, 0..12),
    ) {
        let golden = Golden::open(STAGED[usize::from(seed) % STAGED.len()]);
        let decoder = decoder(&golden);
        let frames = frames(seed, count);
        let whole = endless(&decoder, &frames, &[]);
        let ours = endless(&decoder, &frames, &portions);
        assert_same_sound(&ours, &whole, SAMPLE_TOLERANCE, &format!("{count} as {portions:?}"));
    }
}
