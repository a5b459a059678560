//! What computes.

use candle_core::{Device, DeviceLocation};

use crate::DeviceError;

/// What computes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Processor {
    /// The accelerator that this build has and finds, else the processor.
    #[default]
    Auto,
    /// The processor.
    Cpu,
    /// The first CUDA device.
    Cuda,
    /// The Metal device.
    Metal,
}

/// Finds what computes.
///
/// # Errors
/// When an accelerator is asked for that this build or machine does not have; says what to do.
pub fn device(processor: Processor) -> Result<Device, DeviceError> {
    match processor {
        Processor::Cpu => Ok(Device::Cpu),
        Processor::Cuda => cuda(),
        Processor::Metal => metal(),
        Processor::Auto => Ok(cuda().or_else(|_| metal()).unwrap_or(Device::Cpu)),
    }
}

fn cuda() -> Result<Device, DeviceError> {
    if !candle_core::utils::cuda_is_available() {
        return Err(not_built("CUDA", "cuda"));
    }
    // One stream for all threads: a model may be loaded by one and used by another.
    Device::new_cuda_with_stream(0).map_err(|error| not_found("CUDA", &error))
}

fn metal() -> Result<Device, DeviceError> {
    if !candle_core::utils::metal_is_available() {
        return Err(not_built("Metal", "metal"));
    }
    Device::new_metal(0).map_err(|error| not_found("Metal", &error))
}

fn not_built(name: &str, feature: &str) -> DeviceError {
    DeviceError(format!(
        "this program was built without {name}; build it with `--features {feature}`, or compute on \
         the CPU"
    ))
}

fn not_found(name: &str, error: &candle_core::Error) -> DeviceError {
    DeviceError(format!("this machine has no {name} device ({error}); compute on the CPU"))
}

/// What a device is called: `cpu`, `cuda` or `metal`, as it is asked for.
#[must_use]
pub fn device_name(device: &Device) -> &'static str {
    match device.location() {
        DeviceLocation::Cpu => "cpu",
        DeviceLocation::Cuda { .. } => "cuda",
        DeviceLocation::Metal { .. } => "metal",
    }
}

/// Bytes taken on an accelerator: on CUDA by all programs, on Metal by this one. `None` on the CPU and
/// where the device does not say.
#[must_use]
pub fn device_bytes(device: &Device) -> Option<u64> {
    let taken: Option<usize> = match device {
        Device::Cpu => None,
        #[cfg(feature = "cuda")]
        Device::Cuda(_) => {
            let memory = candle_core::cuda_backend::cudarc::driver::result::mem_get_info();
            memory.ok().map(|(free, all)| all.saturating_sub(free))
        }
        #[cfg(feature = "metal")]
        Device::Metal(device) => Some(device.metal_device().current_allocated_size()),
        #[cfg(not(all(feature = "cuda", feature = "metal")))]
        _ => None,
    };
    taken.map(|bytes| bytes as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_processor_is_always_there() {
        assert!(device(Processor::Cpu).unwrap().is_cpu());
        assert_eq!(device_name(&Device::Cpu), "cpu");
        assert_eq!(device_bytes(&Device::Cpu), None);
        assert!(device(Processor::Auto).is_ok());
    }

    #[test]
    #[cfg(not(any(feature = "cuda", feature = "metal")))]
    fn what_was_not_built_in_is_refused_with_what_to_do() {
        assert!(device(Processor::Auto).unwrap().is_cpu());
        let message = device(Processor::Cuda).unwrap_err().to_string();
        assert!(message.contains("`--features cuda`, or compute on the CPU"), "{message}");
        let message = device(Processor::Metal).unwrap_err().to_string();
        assert!(message.contains("`--features metal`"), "{message}");
    }
}
