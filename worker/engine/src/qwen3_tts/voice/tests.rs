use proptest::prelude::*;

use super::*;
use crate::qwen3_tts::config::{Kind, Size};

fn prompt() -> ClonePrompt {
    let frames = (0..125).map(|frame| {
        let mut codes = [frame * 16; CODES];
        codes[15] = 2047 - frame;
        codes
    });
    ClonePrompt {
        origin: Origin {
            audio_sha256: "0a".repeat(32),
            model_sha256: "1b".repeat(32),
            codec_sha256: "2c".repeat(32),
        },
        x_vector: (0..1024_u16).map(|at| f32::from(at) / 1024.0 - 0.5).collect(),
        recording: Some(Recording {
            transcript: vec![9707, 11, 1879, 13],
            frames: frames.collect(),
        }),
    }
}

/// A safetensors file in a right envelope, as only a forger makes it.
fn forge(parts: &[Part], origin: &str) -> Vec<u8> {
    let views = parts.iter().map(|part| part.view().unwrap());
    let metadata = HashMap::from([(ORIGIN.to_owned(), origin.to_owned())]);
    CLONE.seal(&safetensors::serialize(views, Some(metadata)).unwrap()).unwrap()
}

fn origin() -> String {
    serde_json::to_string(&prompt().origin).unwrap()
}

#[test]
fn what_is_written_is_read_and_equal_prompts_have_equal_bytes() {
    for prompt in [prompt(), ClonePrompt { recording: None, ..prompt() }] {
        let bytes = prompt.to_bytes().unwrap();
        assert_eq!(ClonePrompt::from_bytes(&bytes).unwrap(), prompt);
        assert_eq!(prompt.clone().to_bytes().unwrap(), bytes);
        assert!(bytes.len() < 8192, "{} bytes", bytes.len());
    }
}

#[test]
fn any_changed_bit_is_noticed() {
    let bytes = prompt().to_bytes().unwrap();
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1 << (at % 8);
        assert!(ClonePrompt::from_bytes(&changed).is_err(), "byte {at}");
    }
}

#[test]
fn any_missing_or_added_byte_is_noticed() {
    let bytes = prompt().to_bytes().unwrap();
    for end in 0..bytes.len() {
        assert!(ClonePrompt::from_bytes(&bytes[..end]).is_err(), "{end} bytes");
    }
    assert!(ClonePrompt::from_bytes(&[bytes, vec![0]].concat()).is_err());
}

#[test]
fn another_version_is_called_so() {
    let mut bytes = prompt().to_bytes().unwrap();
    bytes[8] = 2;
    let error = ClonePrompt::from_bytes(&bytes).unwrap_err();
    assert_eq!(error.to_string(), "kept voice is of version 2, expected 1");
}

#[test]
fn prompts_beyond_the_limits_are_neither_written_nor_read() {
    let whole = prompt().recording.unwrap();
    let spoilt = [
        Recording { frames: vec![[0; CODES]; MAX_FRAMES + 1], ..whole.clone() },
        Recording { frames: vec![], ..whole.clone() },
        Recording { transcript: vec![0; MAX_IDS + 1], ..whole.clone() },
        Recording { transcript: vec![], ..whole },
    ];
    for recording in spoilt {
        let prompt = ClonePrompt { recording: Some(recording), ..prompt() };
        assert!(matches!(prompt.to_bytes(), Err(PromptError::Limit { .. })));
    }
    let wide = Part::new(X_VECTOR, &[MAX_WIDTH + 1], &vec![0f32; MAX_WIDTH + 1]);
    let error = ClonePrompt::from_bytes(&forge(&[wide], &origin())).unwrap_err();
    assert!(matches!(error, PromptError::Limit { what: "numbers", .. }), "{error}");
}

#[test]
fn the_largest_prompt_is_written_and_read() {
    let largest = ClonePrompt {
        x_vector: vec![0.1; MAX_WIDTH],
        recording: Some(Recording {
            transcript: vec![7; MAX_IDS],
            frames: vec![[2047; CODES]; MAX_FRAMES],
        }),
        ..prompt()
    };
    assert_eq!(ClonePrompt::from_bytes(&largest.to_bytes().unwrap()).unwrap(), largest);
}

#[test]
fn files_that_are_well_sealed_and_hold_something_else_are_refused() {
    let x_vector = || Part::new(X_VECTOR, &[2], &[0.5f32, 1.0]);
    let ids = || Part::new(REF_IDS, &[1], &[5u32]);
    let codes = || Part::new(REF_CODES, &[1, 16], &[1u16; 16]);
    assert!(ClonePrompt::from_bytes(&forge(&[x_vector(), ids(), codes()], &origin())).is_ok());
    let spoilt = [
        vec![],
        vec![x_vector(), ids()],
        vec![x_vector(), ids(), codes(), Part::new("more", &[1], &[0u16])],
        vec![x_vector(), ids(), Part::new(REF_CODES, &[17], &[1u16; 17])],
        vec![x_vector(), ids(), Part::new(REF_CODES, &[16], &[1u32; 16])],
        vec![Part::new(X_VECTOR, &[1], &[f32::NAN])],
        vec![Part::new(X_VECTOR, &[1], &[1u32])],
    ];
    for parts in spoilt {
        let error = ClonePrompt::from_bytes(&forge(&parts, &origin())).unwrap_err();
        assert!(matches!(error, PromptError::Damaged(_)), "{error}");
    }
    for origin in ["", "{}", &origin().replace("0a", "0A")] {
        let error = ClonePrompt::from_bytes(&forge(&[x_vector()], origin)).unwrap_err();
        assert!(matches!(error, PromptError::Damaged(_)), "{error}");
    }
}

#[test]
fn a_prompt_fits_a_model_of_its_width_that_knows_its_ids() {
    let small = ModelConfig::released(Kind::Base, Size::Small);
    assert!(prompt().fits(&small));
    assert!(!prompt().fits(&ModelConfig::released(Kind::Base, Size::Large)));
    let mut stranger = prompt();
    stranger.recording.as_mut().unwrap().transcript[0] = 151_936;
    assert!(!stranger.fits(&small));
    let mut stranger = prompt();
    stranger.recording.as_mut().unwrap().frames[3][15] = 2048;
    assert!(!stranger.fits(&small));
}

proptest! {
    /// Whatever stands in the file, reading it ends, and in a prompt only if one was written.
    #[test]
    fn noise_in_an_envelope_is_refused(body in prop::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(ClonePrompt::from_bytes(&body).is_err());
        prop_assert!(ClonePrompt::from_bytes(&CLONE.seal(&body).unwrap()).is_err());
    }
}
