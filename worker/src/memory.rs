//! How much memory there is, and sizes and times as people write them.

use std::process::{Command, Stdio};
use std::time::Duration;

/// What of a processor's memory models may take when nobody says: the rest is for audio, the system
/// and whoever else works there.
const SHARE_OF_MACHINE: u64 = 60;

/// What of an accelerator's own memory they may take.
const SHARE_OF_DEVICE: u64 = 85;

/// Taken for the memory of a machine that does not tell.
const UNKNOWN: u64 = 8 << 30;

/// Bytes that models may take when nobody says: 60 % of the machine's memory, or 85 % of what a CUDA
/// device has of its own.
#[must_use]
pub fn usual_budget(is_cuda: bool) -> u64 {
    match device_bytes().filter(|_| is_cuda) {
        Some(bytes) => bytes / 100 * SHARE_OF_DEVICE,
        None => machine_bytes().unwrap_or(UNKNOWN) / 100 * SHARE_OF_MACHINE,
    }
}

/// Bytes of memory that this machine has, where it can be found out.
#[must_use]
pub fn machine_bytes() -> Option<u64> {
    if cfg!(target_os = "macos") {
        return told("/usr/sbin/sysctl", &["-n", "hw.memsize"])?.parse().ok();
    }
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kilobytes: u64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    kilobytes.checked_mul(1_024)
}

/// Bytes that the first CUDA device has, as its driver's own tool says.
fn device_bytes() -> Option<u64> {
    let asked = ["--query-gpu=memory.total", "--format=csv,noheader,nounits", "--id=0"];
    let megabytes: u64 = told("nvidia-smi", &asked)?.parse().ok()?;
    megabytes.checked_mul(1 << 20)
}

/// What a program answers, trimmed; `None` when it is not there or fails.
pub(crate) fn told(program: &str, arguments: &[&str]) -> Option<String> {
    let output =
        Command::new(program).args(arguments).stdin(Stdio::null()).stderr(Stdio::null()).output();
    let output = output.ok().filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}

/// Reads a size: `12GB`, `900 MB`, `8GiB`; without a unit it is bytes.
///
/// # Errors
/// How to write it.
pub fn parse_bytes(text: &str) -> Result<u64, String> {
    let units = [
        ("", 1),
        ("b", 1),
        ("kb", 1_000),
        ("mb", 1_000_000),
        ("gb", 1_000_000_000),
        ("tb", 1_000_000_000_000),
        ("kib", 1 << 10),
        ("mib", 1 << 20),
        ("gib", 1 << 30),
        ("tib", 1 << 40),
    ];
    scaled(text, &units).ok_or_else(|| "write a size such as 12GB or 900MB".to_owned())
}

/// Reads a time: `10m`, `90s`, `2h`; without a unit it is seconds.
///
/// # Errors
/// How to write it.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let seconds = scaled(text, &[("", 1), ("s", 1), ("m", 60), ("h", 3_600), ("d", 86_400)]);
    seconds.map(Duration::from_secs).ok_or_else(|| "write a time such as 10m or 90s".to_owned())
}

fn scaled(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = (&text[..end], text[end..].trim().to_lowercase());
    let scale = units.iter().find(|(name, _)| *name == unit)?.1;
    let number: f64 = number.parse().ok()?;
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "digits and a point are not negative, and nobody has 2^53 bytes"
    )]
    let value = (number * scale as f64).round() as u64;
    (value > 0).then_some(value)
}

/// A size for people, e.g. `4.9 GB`.
#[must_use]
pub fn written_bytes(bytes: u64) -> String {
    let (unit, of) = if bytes >= 1_000_000_000 { ("GB", 1_000_000_000) } else { ("MB", 1_000_000) };
    format!("{}.{} {unit}", bytes / of, bytes % of * 10 / of)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_times_are_read_as_people_write_them() {
        for (text, bytes) in [
            ("12GB", 12_000_000_000),
            ("1.5 gb", 1_500_000_000),
            ("8GiB", 8 << 30),
            ("700mb", 700_000_000),
            ("42", 42),
        ] {
            assert_eq!(parse_bytes(text), Ok(bytes), "{text}");
        }
        for wrong in ["", "GB", "12 bananas", "-1GB", "0"] {
            assert!(parse_bytes(wrong).is_err(), "{wrong}");
        }
        assert_eq!(parse_duration("10m"), Ok(Duration::from_mins(10)));
        assert_eq!(parse_duration("90"), Ok(Duration::from_secs(90)));
        assert!(parse_duration("ten minutes").is_err());
        assert_eq!(written_bytes(4_912_345_678), "4.9 GB");
        assert_eq!(written_bytes(12_300_000), "12.3 MB");
    }

    #[test]
    fn a_machine_tells_how_much_memory_it_has() {
        let bytes = machine_bytes().unwrap();
        assert!(bytes > 100_000_000, "{bytes}");
        assert!(usual_budget(false) < bytes);
    }
}
