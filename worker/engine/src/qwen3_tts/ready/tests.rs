use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use schemas::{ReferenceTake, Voice, VoiceSource};

use crate::qwen3_tts::golden::Golden;
use crate::qwen3_tts::model::QwenModel;
use crate::qwen3_tts::prompt::{Layout, assemble};
use crate::qwen3_tts::request::{VoiceRequest, Who};
use crate::qwen3_tts::tokenizer::{Tokenizer, Words};
use crate::qwen3_tts::weights::{Pins, WeightFormat};
use crate::qwen3_tts::{Checkpoint, QwenConfig, RATE_HZ};
use crate::{ContinuousBatch, PromptStore, Request, Samples, Speaker as _, SpeechModel as _};

/// A tiny release that counts how often it hears a recording.
fn model(name: &str) -> (QwenModel, Arc<AtomicUsize>) {
    let heard = Arc::new(AtomicUsize::new(0));
    let count = heard.clone();
    let recordings = Box::new(move |name: &str| {
        count.fetch_add(1, Ordering::Relaxed);
        let golden = Golden::open("s1/base-0b6");
        let samples = golden.get(&format!("prompt/{name}_ref_wav"));
        let samples = samples.ok_or_else(|| format!("there is no recording {name}"))?;
        Ok(Samples { samples: samples.to_vec1().unwrap(), rate_hz: RATE_HZ })
    });
    let config = QwenConfig {
        release: fixtures::path(&format!("reference/{name}")),
        name: None,
        device: candle_core::Device::Cpu,
        weights: WeightFormat::default(),
        words: Words::Native,
        pins: Pins::default(),
        recordings,
    };
    (QwenModel::open(config).unwrap(), heard)
}

fn recorded(transcript: Option<&str>, layout: Option<Layout>) -> VoiceRequest {
    let transcript = transcript.map(str::to_owned);
    let who = Who::Recorded { recording: "long".to_owned(), transcript };
    VoiceRequest { who, instruct: None, language: "en".to_owned(), layout }
}

const TRANSCRIPT: Option<&str> = Some("This is it.");

fn key() -> String {
    "5c".repeat(32)
}

/// A store in memory.
#[derive(Clone, Default)]
struct Shelf(Arc<Mutex<BTreeMap<String, Vec<u8>>>>);

impl PromptStore for Shelf {
    fn get(&mut self, key: &str) -> Option<Vec<u8>> {
        self.0.lock().unwrap().get(key).cloned()
    }

    fn put(&mut self, key: &str, bytes: &[u8]) {
        self.0.lock().unwrap().insert(key.to_owned(), bytes.to_vec());
    }
}

/// What a worker makes of some lines, with voices kept on a shelf; and how often it heard a recording.
fn work(name: &str, shelf: Option<&Shelf>) -> (Vec<Result<Vec<f32>, String>>, usize) {
    let (model, heard) = model(name);
    let vocoder = model.vocoder();
    let clone = |transcript: Option<&str>| VoiceSource::Clone {
        reference: ReferenceTake {
            mood: "neutral".to_owned(),
            audio_sha256: "long".to_owned(),
            transcript: transcript.map(str::to_owned),
        },
    };
    let named = model.models().remove(0);
    let mut batch = ContinuousBatch::new(model, vocoder, 3, 0).unwrap();
    if let Some(shelf) = shelf {
        batch = batch.keeping_prompts_in(Box::new(shelf.clone()));
    }
    for (tag, text) in ["Who's there?", "Nay, answer me.", "Stand.", "No."].iter().enumerate() {
        let source = clone(TRANSCRIPT.filter(|_| tag % 2 == 0));
        batch.admit(Request {
            tag: tag as u64,
            text: (*text).to_owned(),
            pauses: Vec::new(),
            language: "en-GB".to_owned(),
            voice: Voice { name: "v".to_owned(), model: named.clone(), source },
            seed: 40 + tag as u64,
        });
    }
    let mut finished = Vec::new();
    while !batch.is_idle() {
        finished.extend(batch.turn().unwrap());
    }
    finished.sort_by_key(|line| line.tag);
    let spoken = finished.into_iter().map(|line| match line.result {
        Ok(samples) => Ok(samples.samples),
        Err(error) => Err(error.to_string()),
    });
    (spoken.collect(), heard.load(Ordering::Relaxed))
}

#[test]
fn another_run_hears_no_recording_again_and_says_the_same_to_the_bit() {
    for name in ["s1/base-0b6", "s1/base-1b7"] {
        let shelf = Shelf::default();
        // There is room for one voice only: the second use of each comes from the shelf as well.
        let (first, heard) = work(name, Some(&shelf));
        assert_eq!((heard, shelf.0.lock().unwrap().len()), (2, 2), "{name}");
        assert!(first.iter().any(Result::is_ok), "{name}: {first:?}");
        let (second, heard) = work(name, Some(&shelf));
        assert_eq!(heard, 0, "{name}");
        assert!(second == first, "{name}");
        let (unkept, heard) = work(name, None);
        assert_eq!(heard, 4, "{name}");
        assert!(unkept == first, "{name}");
    }
}

#[test]
fn a_kept_voice_takes_as_much_and_is_written_as_before() {
    let (model, _) = model("s1/base-0b6");
    for request in [
        recorded(None, None),
        recorded(TRANSCRIPT, None),
        recorded(TRANSCRIPT, Some(Layout::Whole)),
    ] {
        let voice = model.ready(&request).unwrap();
        let bytes = voice.to_bytes(&key()).unwrap().unwrap();
        let preparing = model.preparing();
        let again = preparing.recall(&request, (&key(), &bytes), &model.frames).unwrap();
        assert_eq!(again.bytes(), voice.bytes());
        assert_eq!(again.to_bytes(&key()).unwrap().unwrap(), bytes);
        assert!(bytes.len() < voice.bytes() * 2 + 4_096, "{}", bytes.len());
    }
}

#[test]
fn a_kept_voice_that_is_damaged_old_or_anothers_is_refused_with_a_reason() {
    let (small, _) = model("s1/base-0b6");
    let (large, _) = model("s1/base-1b7");
    let request = recorded(TRANSCRIPT, None);
    let bytes = small.ready(&request).unwrap().to_bytes(&key()).unwrap().unwrap();
    let refusal = |model: &QwenModel, key: &str, bytes: &[u8]| {
        let recalled = model.preparing().recall(&request, (key, bytes), &model.frames);
        recalled.map(drop).expect_err("it must not be taken").to_string()
    };
    for at in (0..bytes.len()).step_by(bytes.len() / 97) {
        let mut spoilt = bytes.clone();
        spoilt[at] ^= 1;
        assert!(refusal(&small, &key(), &spoilt).starts_with("kept voice is"), "byte {at}");
    }
    assert!(refusal(&small, &key(), &bytes[..bytes.len() / 2]).contains("damaged"));
    let mut newer = bytes.clone();
    newer[8] += 1;
    assert!(refusal(&small, &key(), &newer).contains("version 2, expected 1"));
    assert!(refusal(&small, &"5d".repeat(32), &bytes).contains("of another voice"));
    assert!(refusal(&large, &key(), &bytes).contains("not the model's"));
}

#[test]
fn a_voice_without_a_recording_is_not_kept() {
    let (model, _) = model("s1/custom_voice-0b6");
    let who = Who::Named("ryan".to_owned());
    let request = VoiceRequest { who, ..recorded(None, None) };
    let voice = model.ready(&request).unwrap();
    assert_eq!(voice.to_bytes(&key()).unwrap(), None);
    assert!(voice.bytes() > 0, "it has a prefix");
}

/// The template's newline and the text's become one id: such a line begins otherwise.
#[test]
fn a_text_that_begins_with_a_newline_shares_nothing() {
    let (model, _) = model("s1/base-0b6");
    let release = fixtures::path("reference/s1/base-0b6");
    let tokenizer = Tokenizer::open(&release, Words::Native).unwrap();
    let config = Checkpoint::open(&release, Words::Native, &Pins::default()).unwrap().model;
    for request in [recorded(None, None), recorded(TRANSCRIPT, None)] {
        let voice = model.ready(&request).unwrap();
        let prefill = |text: &str| {
            let ids = tokenizer.line(text);
            let prefill = assemble(model.frames.tables(), &config, &voice.prompt(&ids)).unwrap();
            let shared = prefill.embeds.narrow(0, 0, prefill.shared).unwrap();
            let shared = shared.flatten_all().unwrap().to_vec1::<f32>().unwrap();
            (shared, voice.prefix(&ids, &prefill).is_some())
        };
        let (one, other, newline) = (prefill("Hello."), prefill("Well?"), prefill("\nHello."));
        assert_eq!(one.0, other.0);
        assert_ne!(one.0, newline.0);
        assert_eq!((one.1, other.1, newline.1), (true, true, false));
    }
}

#[test]
fn a_voice_is_most_like_the_recording_it_was_cloned_from() {
    let (model, _) = model("s1/base-0b6");
    let recording = (model.preparing().recordings)("long").unwrap();
    let own = model.embed(&recording).unwrap().unwrap();
    let of_reference = Golden::open("s1/base-0b6").numbers("prompt/xv/spk_embedding");
    assert!(crate::likeness(&own, &of_reference).unwrap() > 0.999_99);
    let voice = model.ready(&recorded(TRANSCRIPT, None)).unwrap();
    assert_eq!(model.embedding(&voice).unwrap().unwrap(), own);
    let mut other = recording;
    other.samples.reverse();
    let other = model.embed(&other).unwrap().unwrap();
    assert!(crate::likeness(&own, &other).unwrap() < 0.999_99);
    assert!(model.embed(&Samples { samples: vec![0.1; 24_000], rate_hz: 8_000 }).is_err());
}

#[test]
fn a_model_that_cannot_hear_says_nothing_of_likeness() {
    let (model, _) = model("s1/custom_voice-0b6");
    let samples = Samples { samples: vec![0.1; 24_000], rate_hz: RATE_HZ };
    assert_eq!(model.embed(&samples).unwrap(), None);
}
