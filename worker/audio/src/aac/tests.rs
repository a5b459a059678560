//! Rules of encoding and decoding together.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "places in a small file"
)]

use proptest::prelude::*;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, FormatReader};
use symphonia::core::io::MediaSourceStream;
use symphonia::core::meta::MetadataOptions;

use super::*;
use crate::signals::{noise, sine, snr_db};

/// Something between a vowel and a consonant: harmonics that come and go, and a little noise.
fn speech_like(rate_hz: u32, n: usize) -> Pcm {
    let mut sum = noise(rate_hz, 0.01, n);
    for harmonic in 1..12u8 {
        let partial = sine(rate_hz, 140.0 * f64::from(harmonic), 0.3 / f32::from(harmonic), n);
        let swell = sine(rate_hz, 2.5, 1.0, n);
        for ((sum, part), swell) in sum.samples.iter_mut().zip(partial.samples).zip(swell.samples) {
            *sum += part * swell * swell;
        }
    }
    sum
}

#[test]
fn what_is_decoded_is_what_was_encoded_in_place() {
    for rate_hz in [24_000, 44_100, 48_000] {
        let source = speech_like(rate_hz, rate_hz as usize * 2 + 777);
        let decoded = decode_aac(&encode_aac(&source, 96_000, &[]).unwrap()).unwrap();
        assert_eq!((decoded.samples.len(), decoded.rate_hz), (source.samples.len(), rate_hz));
        let snr = snr_db(&source.samples, &decoded.samples);
        assert!(snr > 18.0, "{rate_hz} Hz: {snr} dB");
        let (n, ours) = (source.samples.len(), &decoded.samples);
        let late = snr_db(&source.samples[1..], &ours[..n - 1]);
        let early = snr_db(&source.samples[..n - 1], &ours[1..]);
        assert!(late.max(early) < snr - 1.0, "{rate_hz} Hz: {snr} in place, {late}, {early}");
    }
}

#[test]
fn more_bits_sound_better_and_cost_what_they_say() {
    let source = speech_like(24_000, 24_000 * 10);
    let mut last = 0.0;
    for bitrate_bps in [24_000, 48_000, 64_000, 96_000] {
        let file = encode_aac(&source, bitrate_bps, &[]).unwrap();
        let cost = file.len() as u64 * 8 / 10;
        assert!(cost < u64::from(bitrate_bps) * 107 / 100, "{cost} for {bitrate_bps}");
        let snr = snr_db(&source.samples, &decode_aac(&file).unwrap().samples);
        assert!(snr > last, "{snr} dB at {bitrate_bps}");
        last = snr;
    }
}

#[test]
fn a_stream_in_pieces_is_the_same_file() {
    let source = speech_like(24_000, 50_001);
    let whole = encode_aac(&source, 64_000, &[("title", "x")]).unwrap();
    for piece in [1, 777, 1_024, 40_000] {
        let mut encoder = AacEncoder::new(24_000, 64_000).unwrap();
        for samples in source.samples.chunks(piece) {
            encoder.push(samples).unwrap();
        }
        assert_eq!(encoder.finish(&[("title", "x")]).unwrap(), whole, "pieces of {piece}");
    }
}

#[test]
fn the_index_stands_before_the_samples() {
    let file = encode_aac(&speech_like(24_000, 9_000), 64_000, &[("title", "x")]).unwrap();
    let find = |kind: &[u8]| file.windows(4).position(|bytes| bytes == kind).unwrap();
    assert!(find(b"ftyp") < find(b"moov") && find(b"moov") < find(b"mdat"));
}

#[test]
fn what_cannot_be_encoded_is_refused() {
    let pcm = noise(24_000, 0.5, 100);
    for bitrate_bps in [0, 23_999, 256_001, u32::MAX] {
        assert!(matches!(encode_aac(&pcm, bitrate_bps, &[]), Err(AudioError::Encode(_))));
    }
    for rate_hz in [0, 7_999, 24_001, 88_200, 96_000, u32::MAX] {
        let pcm = Pcm { rate_hz, ..pcm.clone() };
        assert!(matches!(encode_aac(&pcm, 64_000, &[]), Err(AudioError::Encode(_))), "{rate_hz}");
    }
    let empty = Pcm { samples: Vec::new(), rate_hz: 24_000 };
    assert!(matches!(encode_aac(&empty, 64_000, &[]), Err(AudioError::Encode(_))));
    let mut broken = noise(24_000, 0.5, 40_000);
    broken.samples[33_333] = f32::INFINITY;
    let error = encode_aac(&broken, 64_000, &[]).unwrap_err();
    assert_eq!(error.to_string(), "audio cannot be encoded: sample 33333 is not a finite number");
}

#[test]
fn any_allowed_bit_rate_is_encoded_at_any_rate_and_loud_samples_are_clipped() {
    for rate_hz in [8_000, 24_000, 44_100, 48_000] {
        for bitrate_bps in [24_000, 256_000] {
            let loud = noise(rate_hz, 1.5, 5_000);
            let file = encode_aac(&loud, bitrate_bps, &[]).unwrap();
            assert_eq!(decode_aac(&file).unwrap().samples.len(), 5_000, "{rate_hz} {bitrate_bps}");
        }
    }
}

#[test]
fn players_find_the_tags() {
    let tags = [
        ("title", "Ser Ådne — «Nay»"),
        ("artist", "MIRA"),
        ("album", "Episode 1"),
        ("line", "sc001-l0001"),
        ("scene", ""),
    ];
    let file = encode_aac(&noise(24_000, 0.5, 3_000), 64_000, &tags).unwrap();
    assert_eq!(decode_aac(&file).unwrap().samples.len(), 3_000);
    let stream = MediaSourceStream::new(
        Box::new(std::io::Cursor::new(file)),
        symphonia::core::io::MediaSourceStreamOptions::default(),
    );
    let mut reader: Box<dyn FormatReader> = symphonia::default::get_probe()
        .probe(&Hint::new(), stream, FormatOptions::default(), MetadataOptions::default())
        .unwrap();
    let found = format!("{:?}", reader.metadata().skip_to_latest().unwrap());
    for (_, value) in tags {
        assert!(found.contains(value), "{value} is not in {found}");
    }
    assert!(found.contains("com.apple.iTunes:line"), "{found}");
}

#[test]
fn a_file_cut_short_is_refused() {
    let file = encode_aac(&speech_like(24_000, 6_000), 64_000, &[("title", "x")]).unwrap();
    for length in (0..file.len()).step_by(7).chain(file.len() - 20..file.len()) {
        let cut = decode_aac(&file[..length]);
        assert!(matches!(cut, Err(AudioError::Unreadable(_))), "{length} of {}", file.len());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn every_length_comes_back_exact(
        n in prop_oneof![1usize..=5_000, Just(1), Just(1_023), Just(1_024), Just(1_025), Just(2_048)],
        rate in 0usize..3,
    ) {
        let rate_hz = [24_000, 44_100, 48_000][rate];
        let source = sine(rate_hz, 300.0, 0.5, n);
        let decoded = decode_aac(&encode_aac(&source, 64_000, &[]).unwrap()).unwrap();
        prop_assert_eq!(decoded.samples.len(), n);
        if n > 1_000 {
            let snr = snr_db(&source.samples, &decoded.samples);
            prop_assert!(snr > 12.0, "{} samples: {} dB", n, snr);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn garbage_never_panics(
        garbage in prop::collection::vec(any::<u8>(), 0..300),
        at in 0.0f64..1.0,
        is_inside: bool,
    ) {
        prop_assert!(decode_aac(&garbage).is_err());
        let mut file = encode_aac(&sine(24_000, 300.0, 0.5, 2_500), 64_000, &[("a", "b")]).unwrap();
        let length = if is_inside { 2 } else { garbage.len() };
        let at = (at * file.len() as f64) as usize;
        for (place, value) in file[at..].iter_mut().zip(&garbage).take(length) {
            *place = *value;
        }
        if let Ok(pcm) = decode_aac(&file) {
            prop_assert!(pcm.samples.len() < 1 << 20);
        }
    }
}
