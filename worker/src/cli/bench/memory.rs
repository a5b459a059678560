//! How much memory this program has.

/// Bytes of this program that are in memory; `None` where the system does not say.
#[cfg(target_os = "linux")]
pub(super) fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1_024)
}

/// Bytes of this program that are in memory; `None` where the system does not say.
#[cfg(not(target_os = "linux"))]
pub(super) fn resident_bytes() -> Option<u64> {
    let process = std::process::id().to_string();
    let said = std::process::Command::new("ps").args(["-o", "rss=", "-p", &process]).output();
    let kilobytes: u64 = String::from_utf8(said.ok()?.stdout).ok()?.trim().parse().ok()?;
    Some(kilobytes * 1_024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_in_memory() {
        assert!(resident_bytes().is_some_and(|bytes| bytes > 1 << 20));
    }
}
