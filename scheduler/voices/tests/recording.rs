//! Recordings of every kind into takes, and what is said of bad ones.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::io::Cursor;

use support::library;
use voices::{
    About, Embedder, Embedding, NewTake, Note, Profile, RecordingConsent, VoiceError, VoiceName,
    Vox, clone_voice, read_vox, take_in,
};

const RATE_HZ: u32 = 44_100;

/// `seconds` of syllables of a hummed tone with pauses between, at `level` of full scale over noise
/// that reaches `noise`.
fn speech(seconds: u32, level: f32, noise: f32) -> Vec<f32> {
    let mut random = fastrand::Rng::with_seed(3);
    (0..seconds * RATE_HZ)
        .map(|at| {
            #[expect(clippy::cast_precision_loss, reason = "seconds of samples")]
            let time = at as f32 / RATE_HZ as f32;
            let syllable = if time.fract() < 0.6 { 1.0 } else { 0.0 };
            let hum = (time * 880.0).sin() * 0.7 + (time * 2_640.0).sin() * 0.3;
            level * syllable * hum + noise * (random.f32() * 2.0 - 1.0)
        })
        .collect()
}

/// A WAV of 16 bits with the given channels.
fn wav(channels: &[Vec<f32>]) -> Vec<u8> {
    let spec = hound::WavSpec {
        channels: u16::try_from(channels.len()).unwrap(),
        sample_rate: RATE_HZ,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut file = Cursor::new(Vec::new());
    let mut writer = hound::WavWriter::new(&mut file, spec).unwrap();
    for at in 0..channels[0].len() {
        for channel in channels {
            #[expect(clippy::cast_possible_truncation, reason = "clamped to 16 bits")]
            let sample = (channel[at] * 32_767.0).clamp(-32_768.0, 32_767.0) as i16;
            writer.write_sample(sample).unwrap();
        }
    }
    writer.finalize().unwrap();
    file.into_inner()
}

#[test]
fn a_good_recording_becomes_a_take_and_nothing_is_said() {
    let left = speech(6, 0.3, 0.0001);
    let silence = vec![0.0; RATE_HZ as usize];
    let padded = [silence.clone(), left, silence].concat();
    let recording = take_in(&wav(&[padded.clone(), padded]), None).unwrap();
    assert_eq!(recording.advice, Vec::<String>::new());
    assert_eq!(recording.pcm.rate_hz, 24_000);
    assert_eq!(recording.source.format, "wav");
    // Six seconds, the last of which ends in 0.4 s of silence, and 0.3 s around it.
    assert!((5_700..=6_300).contains(&recording.duration_ms), "{}", recording.duration_ms);
    assert!((recording.lufs.unwrap() + 23.0).abs() < 0.5, "{:?}", recording.lufs);
    assert_eq!(audio::read_wav(&recording.wav).unwrap().samples.len(), recording.pcm.samples.len());
    assert!((recording.quality.peak_dbfs.unwrap() + 13.4).abs() < 1.0);
    assert!(recording.quality.signal_to_noise_db.unwrap() > 40.0);
}

#[test]
fn every_kind_of_file_gives_the_same_take() {
    let wav = take_in(&fixtures::read("casts/voices/anna-neutral.wav"), None).unwrap();
    let pcm = audio::read_wav(&fixtures::read("casts/voices/anna-neutral.wav")).unwrap();
    let aac = audio::encode_aac(&pcm, 64_000, &[]).unwrap();
    let kinds = [
        ("flac", fixtures::read("casts/voices/anna-neutral.flac")),
        ("m4a", fixtures::read("casts/voices/anna-neutral.m4a")),
        ("mp3", fixtures::read("casts/voices/anna-neutral.mp3")),
        ("m4a", aac),
    ];
    for (at, (format, file)) in kinds.into_iter().enumerate() {
        let take = take_in(&file, None).unwrap();
        assert_eq!(take.source.format, format);
        if at < 2 {
            assert!(take.wav == wav.wav, "{format} is lossless");
        } else {
            let longer = take.duration_ms.abs_diff(wav.duration_ms);
            assert!(longer < 150, "{format} differs by {longer} ms");
            let louder = (take.lufs.unwrap() - wav.lufs.unwrap()).abs();
            assert!(louder < 1.0, "{format} differs by {louder} dB");
        }
    }
}

#[test]
fn bad_recordings_come_with_advice() {
    let advice = |samples: Vec<f32>| take_in(&wav(&[samples]), None).unwrap().advice.join("\n");
    assert!(advice(speech(6, 2.0, 0.0)).contains("clipped: "));
    assert!(advice(speech(6, 0.1, 0.02)).contains("noisy: "));
    assert!(advice(speech(2, 0.3, 0.0001)).contains("short: "));
    assert!(advice(speech(40, 0.3, 0.0001)).contains("long: "));
}

#[test]
fn what_cannot_be_cloned_is_refused_and_says_why() {
    let refused = |samples: Vec<f32>| take_in(&wav(&[samples]), None).unwrap_err().to_string();
    assert!(refused(vec![0.0; RATE_HZ as usize]).contains("silent"));
    assert!(refused(speech(1, 0.3, 0.0)).contains("too short"));
    assert!(refused(speech(130, 0.3, 0.0)).contains("more than is taken"));
    assert!(refused(speech(190, 0.3, 0.0)).contains("3 minutes"));
    for bytes in
        [b"".as_slice(), b"hello", b"RIFF\0\0\0\0WAVE", b"fLaC\0\0\0\0", b"ID3\x04\0\0\0\0\0\0"]
    {
        let error = take_in(bytes, None).unwrap_err();
        assert!(matches!(error, VoiceError::File(_) | VoiceError::Invalid(_)), "{error}");
    }
}

/// Hears low and high: who hums below zero at the start of a part is another.
struct Ear;

impl Embedder for Ear {
    fn embed(&mut self, samples: &[f32]) -> Result<Option<Embedding>, String> {
        let crossings = samples.windows(2).filter(|pair| pair[0] < 0.0 && pair[1] >= 0.0).count();
        #[expect(clippy::cast_precision_loss, reason = "seconds of samples")]
        let pitch = crossings as f32 / samples.len() as f32 * 24_000.0;
        let numbers = vec![(pitch - 250.0).clamp(-100.0, 100.0), 20.0];
        Embedding::new(numbers).map(Some).map_err(|error| error.to_string())
    }
}

#[test]
fn two_people_in_one_recording_are_heard() {
    let hum = |hertz: f32| -> Vec<f32> {
        #[expect(clippy::cast_precision_loss, reason = "seconds of samples")]
        let time = |at: u32| at as f32 / RATE_HZ as f32;
        (0..6 * RATE_HZ).map(|at| 0.3 * (time(at) * hertz * std::f32::consts::TAU).sin()).collect()
    };
    let similarity = |samples: Vec<f32>| {
        let recording = take_in(&wav(&[samples]), Some(&mut Ear)).unwrap();
        (recording.quality.speaker_similarity.unwrap(), recording.advice.join("\n"))
    };
    let (alone, advice) = similarity([hum(150.0), hum(150.0)].concat());
    assert!(alone > 0.95 && !advice.contains("more than one"), "{alone} {advice}");
    let (two, advice) = similarity([hum(150.0), hum(150.0), hum(600.0)].concat());
    assert!(two < 0.5 && advice.contains("more than one person"), "{two} {advice}");
}

#[tokio::test]
async fn a_voice_is_cloned_from_recordings_with_leave() {
    let file = fixtures::read("casts/voices/anna-neutral.wav");
    let recording = take_in(&file, None).unwrap();
    assert_eq!(recording.quality.clipped_samples, 0);
    let take = |mood: &str| NewTake {
        mood: mood.into(),
        transcript: Some("The tide does not care what day it is.".into()),
        language: "en".into(),
        recording: recording.clone(),
    };
    let about = About {
        profile: Profile::default(),
        description: "Anna.".into(),
        locked_at: "2026-11-21T16:05:01Z".into(),
        tool: "tableread 0.1.0".into(),
    };
    let leave = RecordingConsent::Granted { note: Note::parse("spoken by no person").unwrap() };
    let twice = vec![take("neutral"), take("neutral")];
    assert!(clone_voice(about.clone(), twice, leave.clone()).is_err());
    assert!(clone_voice(about.clone(), vec![], leave.clone()).is_err());
    let unlocked = clone_voice(about, vec![take("neutral")], leave).unwrap();
    let library = library().await;
    for audio in unlocked.audio.values() {
        library.put_audio(audio.clone()).await.unwrap();
    }
    let anna = VoiceName::parse("anna").unwrap();
    let lock = library.lock(&anna, unlocked.voice).await.unwrap().lock;
    assert_eq!(lock.voice.provenance.sources[0].bytes, file.len() as u64);
    assert!(library.verify(None, |_| {}).await.unwrap().faults.is_empty());
}

fn foreign(provenance: &str) -> voices::Foreign {
    use std::io::Write as _;
    let manifest = format!(
        r#"{{"vox_version": "0.3.0", "id": "c4f5", "created": "2026-06-08T00:00:00Z",
        "voice": {{"name": "ANNA", "description": "A woman by the sea.", "language": "en-GB"}},
        "reference_audio": [
            {{"file": "reference/a.wav", "transcript": "The tide.", "context": "Calm, studio"}},
            {{"file": "reference/b.wav", "transcript": "Shut it!", "context": "shout"}}],
        "provenance": {provenance}}}"#
    );
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default();
    for (path, bytes) in [
        ("manifest.json", manifest.into_bytes()),
        ("reference/a.wav", fixtures::read("casts/voices/anna-neutral.wav")),
        ("reference/b.wav", fixtures::read("casts/voices/anna-shout.wav")),
    ] {
        zip.start_file(path, options).unwrap();
        zip.write_all(&bytes).unwrap();
    }
    match read_vox(zip.finish().unwrap(), &voices::Limits::default()).unwrap() {
        Vox::Foreign(foreign) => *foreign,
        Vox::Ours { .. } => panic!("it is another program's"),
    }
}

#[test]
fn a_voice_of_another_program_becomes_ours_with_its_recordings_and_its_leave() {
    let adopt = |provenance: &str, leave| {
        foreign(provenance).adopt("2026-11-21T16:05:01Z", "tableread 0.1.0", leave, None)
    };
    let granted = r#"{"method": "cloned", "consent": "granted", "source": ["reference/a.wav"]}"#;
    let voice = adopt(granted, None).unwrap().voice;
    let moods: Vec<_> = voice.takes.iter().map(|take| take.mood.as_str()).collect();
    assert_eq!(moods, ["neutral", "shout"]);
    assert_eq!(voice.takes[0].transcript.as_deref(), Some("The tide."));
    assert_eq!(voice.languages, ["en-GB"]);

    let designed = r#"{"method": "synthesized", "engine": "qwen3-tts", "consent": null}"#;
    assert!(adopt(designed, None).unwrap().voice.consent.is_synthetic());
    let unknown = r#"{"method": "cloned", "consent": "unknown"}"#;
    let error = adopt(unknown, None).unwrap_err().to_string();
    assert!(error.contains("--consent"), "{error}");
    let leave = RecordingConsent::Own { note: None };
    assert!(!adopt(unknown, Some(leave)).unwrap().voice.consent.is_synthetic());
}
