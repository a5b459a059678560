//! What other programs make of our files.

use std::path::Path;
use std::process::Command;

use audio::{AacEncoder, Pcm, encode_aac};

#[expect(clippy::cast_precision_loss, reason = "a few seconds of samples")]
fn tone(rate_hz: u32, n: usize) -> Pcm {
    let step = std::f32::consts::TAU * 440.0 / rate_hz as f32;
    Pcm { samples: (0..n).map(|at| 0.5 * (step * at as f32).sin()).collect(), rate_hz }
}

fn probe(path: &Path) -> String {
    let output = Command::new("ffprobe")
        .args(["-v", "error", "-show_format", "-show_streams"])
        .arg(path)
        .output()
        .expect("ffprobe is installed");
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("ffprobe writes UTF-8")
}

fn field<'a>(report: &'a str, name: &str) -> &'a str {
    let line = report.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    line.unwrap_or_else(|| panic!("no {name} in {report}"))
}

#[test]
#[ignore = "needs ffprobe"]
fn ffprobe_sees_an_exact_length_that_starts_at_zero() {
    let dir = tempfile::tempdir().unwrap();
    for rate_hz in [24_000u32, 44_100, 48_000] {
        for n in [1usize, 1_023, 1_024, 1_025, 100_777] {
            let path = dir.path().join(format!("{rate_hz}-{n}.m4a"));
            std::fs::write(&path, encode_aac(&tone(rate_hz, n), 64_000, &[]).unwrap()).unwrap();
            let report = probe(&path);
            assert_eq!(field(&report, "codec_name"), "aac");
            assert_eq!(field(&report, "profile"), "LC");
            assert_eq!(field(&report, "sample_rate"), rate_hz.to_string());
            assert_eq!(field(&report, "start_time"), "0.000000", "{report}");
            let (_, format) = report.split_once("[FORMAT]").unwrap();
            let seconds: f64 = field(format, "duration").parse().unwrap();
            let samples = seconds * f64::from(rate_hz);
            let exact = u32::try_from(n).unwrap();
            // ffprobe prints microseconds.
            assert!((samples - f64::from(exact)).abs() < 0.06, "{n} at {rate_hz}: {report}");
        }
    }
}

#[test]
#[ignore = "needs ffprobe"]
fn ffprobe_sees_the_tags_and_the_real_bit_rate() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("line.m4a");
    let tags = [
        ("title", "Nay, answer me"),
        ("artist", "MIRA"),
        ("album", "Ep 1"),
        ("comment", "sc001"),
        ("line", "sc001-l0001"),
    ];
    let file = encode_aac(&tone(24_000, 240_000), 64_000, &tags).unwrap();
    std::fs::write(&path, &file).unwrap();
    let report = probe(&path);
    for (name, value) in tags {
        assert_eq!(field(&report, &format!("TAG:{name}")), value);
    }
    let declared: f64 = field(&report, "bit_rate").parse().unwrap();
    let real = f64::from(u32::try_from(file.len()).unwrap()) * 8.0 / 10.0;
    assert!((declared / real - 1.0).abs() < 0.03, "{declared} declared, {real} real");
}

#[test]
#[ignore = "needs ffprobe"]
fn an_hour_has_an_exact_length() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("hour.m4a");
    let second = tone(24_000, 24_000);
    let mut encoder = AacEncoder::new(24_000, 64_000).unwrap();
    for _ in 0..3_600 {
        encoder.push(&second.samples).unwrap();
    }
    encoder.push(&second.samples[..12]).unwrap();
    std::fs::write(&path, encoder.finish(&[]).unwrap()).unwrap();
    let report = probe(&path);
    assert_eq!(field(&report, "start_time"), "0.000000");
    let (_, format) = report.split_once("[FORMAT]").unwrap();
    assert_eq!(field(format, "duration"), "3600.000500");
}
