//! What is left to draw from, held to the reference's.

use candle_core::DType;
use serde::Deserialize;

use super::*;
use crate::qwen3_tts::config::ModelConfig;
use crate::qwen3_tts::golden::Golden;

/// What is read of `*.goldens.json`.
#[derive(Deserialize)]
struct Goldens {
    sampling: Combinations,
}

#[derive(Deserialize)]
struct Combinations {
    combos: Vec<Combination>,
}

/// Some parameters, some history, and random logits with ties and forbidden ids among the best.
#[derive(Deserialize)]
struct Combination {
    name: String,
    do_sample: bool,
    temperature: f64,
    top_k: usize,
    top_p: f64,
    repetition_penalty: f64,
    history: Vec<u32>,
}

#[test]
fn what_may_be_drawn_and_how_likely_is_the_references() {
    let golden = Golden::open("s1/base-0b6");
    let json = fixtures::text("reference/s1/base-0b6.goldens.json");
    let goldens: Goldens = serde_json::from_str(&json).unwrap();
    let path = fixtures::path("reference/s1/base-0b6/config.json");
    let controls = Controls::of(&ModelConfig::read(&path).unwrap().talker_config);
    assert!(goldens.sampling.combos.len() > 20);
    for combination in goldens.sampling.combos {
        let Combination { temperature, top_k, top_p, .. } = combination;
        let warp = Warp { temperature, top_k, top_p };
        let sampling = Sampling {
            talker: combination.do_sample.then_some(warp),
            predictor: None,
            repetition_penalty: combination.repetition_penalty,
            max_tokens: 9,
        };
        let draws = Draws::seeded(0);
        let choice = Choice { sampling: &sampling, draws: &draws, history: &combination.history };
        let mut scores = golden.numbers(&format!("{}/logits", combination.name));
        host::prepare(&mut scores, &choice, controls);
        let expected = golden.tensor(&format!("{}/scores", combination.name));
        let expected: Vec<f32> = expected.to_dtype(DType::F32).unwrap().to_vec1().unwrap();
        for (id, (ours, golden)) in scores.iter().zip(expected).enumerate() {
            let is_near = ours.to_bits() == golden.to_bits() || (ours - golden).abs() <= 5e-6;
            assert!(is_near, "{} {id}: {ours}, golden {golden}", combination.name);
        }
    }
}
