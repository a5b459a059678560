//! What a voice of full size costs to make, to keep and to take up again.

use std::time::Instant;

use candle_core::{Device, Tensor};

use super::*;
use crate::qwen3_tts::config::{CODES, Size};
use crate::qwen3_tts::prompt::assemble;
use crate::qwen3_tts::tokenizer::Words;
use crate::qwen3_tts::weights::{Layout as Tensors, Weights};

/// Runs something and gives how many milliseconds it took.
fn timed<T>(run: impl FnOnce() -> T) -> (T, u128) {
    let since = Instant::now();
    let result = run();
    (result, since.elapsed().as_millis())
}

/// A recording of 10 seconds whose transcript has 35 ids, as English has.
#[test]
#[ignore = "needs 6 GB of memory, minutes, and to be built with --release to mean anything"]
fn what_a_voice_of_a_ten_second_recording_costs() {
    let config = ModelConfig::released(Kind::Base, Size::Small);
    let weights = Weights::random(Tensors::of_model(&config), 7);
    let codec_config = CodecConfig::released();
    let codec = Weights::random(Tensors::of_codec(&codec_config), 7);
    let codec = codec.builder(CODEC_DTYPE, &Device::Cpu);
    let model = weights.builder(CODEC_DTYPE, &Device::Cpu);
    let listener = Listener::load((&config, &model), (&codec_config, &codec)).unwrap();
    let decoder = CodecDecoder::new(&codec_config, &codec).unwrap();
    let frames = FrameModel::load(&weights, &config, &Device::Cpu).unwrap();
    let release = fixtures::path("reference/s1/base-0b6");
    let tokenizer = Tokenizer::open(&release, Words::Native).unwrap();

    let samples: Vec<f32> =
        (0..240_000_u32).map(|n| f32::from(u8::try_from(n % 101).unwrap()) / 200.0).collect();
    let (x_vector, speaker_ms) = timed(|| listener.speaker.embed(&samples).unwrap());
    let (heard_frames, encoder_ms) = timed(|| listener.codec.encode(&samples).unwrap());
    assert_eq!(heard_frames.len(), 125);
    let recording = Recording { transcript: vec![9707; 35], frames: heard_frames };
    let (heard, decoder_ms) = timed(|| decoder.listen(&recording.frames).unwrap());
    let embedding = Tensor::new(x_vector, &Device::Cpu).unwrap();
    let mut voice = ReadyVoice {
        who: ReadyWho::Cloned(Cloned {
            embedding,
            continued: Some(Continued { recording, heard }),
        }),
        instruct: None,
        language: Some("english".to_owned()),
        layout: Layout::Streaming,
        prefix: None,
    };
    let line =
        LineIds { ids: vec![151_644, 77_091, 198, 9707, 13, 151_645, 198, 151_644, 77_091, 198] };
    let ((), prefix_ms) = timed(|| {
        let prefill = assemble(frames.tables(), &config, &voice.prompt(&line)).unwrap();
        voice.begin(&frames, &line, &prefill).unwrap();
    });

    let key = "0".repeat(64);
    let (bytes, keep_ms) = timed(|| voice.to_bytes(&key).unwrap().unwrap());
    let recordings: Recordings = Box::new(|_| Err("there is none".to_owned()));
    let preparing = Preparing {
        config: &config,
        tokenizer: &tokenizer,
        listener: None,
        decoder: &decoder,
        recordings: &recordings,
    };
    let request = VoiceRequest {
        who: Who::Described,
        instruct: None,
        language: "en".to_owned(),
        layout: None,
    };
    let (recalled, recall_ms) =
        timed(|| preparing.recall(&request, (&key, &bytes), &frames).unwrap());
    assert_eq!(recalled.bytes(), voice.bytes());
    assert_eq!(heard_codes(&recalled), 125 * CODES);
    println!(
        "made: speaker {speaker_ms} ms, encoder {encoder_ms} ms, decoder {decoder_ms} ms, prefix \
         {prefix_ms} ms; {} bytes in memory; kept: {} bytes in {keep_ms} ms; taken up again in \
         {recall_ms} ms",
        voice.bytes(),
        bytes.len()
    );
}

fn heard_codes(voice: &ReadyVoice) -> usize {
    voice.heard().map_or(0, |heard| heard.frames().len() * CODES)
}
