//! What machine this is, in words for people.

use crate::memory::{machine_bytes, told};

/// The machine in one line, e.g. `Apple M4, 16 GB`.
#[must_use]
pub fn hardware() -> String {
    let processor = processor().unwrap_or_else(|| std::env::consts::ARCH.to_owned());
    match machine_bytes() {
        Some(bytes) => format!("{processor}, {} GB", gigabytes(bytes)),
        None => processor,
    }
}

/// What the machine is called on its network.
#[must_use]
pub fn host() -> String {
    let name = if cfg!(target_os = "macos") {
        told("/usr/sbin/sysctl", &["-n", "kern.hostname"])
    } else {
        std::fs::read_to_string("/proc/sys/kernel/hostname").ok().map(|name| name.trim().to_owned())
    };
    name.filter(|name| !name.is_empty()).unwrap_or_else(|| "unknown".to_owned())
}

fn processor() -> Option<String> {
    if cfg!(target_os = "macos") {
        return told("/usr/sbin/sysctl", &["-n", "machdep.cpu.brand_string"]);
    }
    let text = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    named_in(&text)
}

/// The processor's name in `/proc/cpuinfo`; ARM kernels do not tell one.
fn named_in(text: &str) -> Option<String> {
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    let name = line.split_once(':')?.1;
    // Makers pad their names and claim them: `Intel(R) Xeon(R)   CPU`.
    let plain = name.replace("(R)", "").replace("(TM)", "");
    Some(plain.split_whitespace().collect::<Vec<_>>().join(" ")).filter(|name| !name.is_empty())
}

/// Memory as it is sold: a little of it is always kept back from what a system reports.
fn gigabytes(bytes: u64) -> u64 {
    bytes.div_ceil(1 << 30)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_processor_is_called_as_people_call_it() {
        let text = "processor\t: 0\nmodel name\t: Intel(R) Xeon(R)   CPU @ 2.20GHz\nflags: x\n";
        assert_eq!(named_in(text).as_deref(), Some("Intel Xeon CPU @ 2.20GHz"));
        assert_eq!(named_in("processor: 0\nBogoMIPS: 48\n"), None);
        assert_eq!(named_in("model name\t:  \n"), None);
    }

    #[test]
    fn this_machine_has_a_name_and_a_line() {
        assert!(!host().is_empty() && !host().contains('\n'));
        assert!(!hardware().is_empty() && !hardware().contains('\n'), "{}", hardware());
    }
}
