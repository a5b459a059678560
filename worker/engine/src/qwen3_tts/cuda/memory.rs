//! Device memory by its address.

use candle_core::cuda_backend::cudarc::driver::{CudaSlice, DevicePtr as _, sys};
use candle_core::cuda_backend::{CudaDevice, CudaStorageSlice};
use candle_core::{Error, Result, Storage, Tensor};

/// Where something begins in device memory; 0 is nowhere.
pub(super) type Address = u64;

/// No address.
pub(super) const NOWHERE: Address = 0;

/// Where a tensor's numbers are. They stay there as long as a clone of the tensor lives.
///
/// # Errors
/// When it is not contiguous, not on a CUDA device or of another type than BF16, F16, F32 and U32.
pub(super) fn address(tensor: &Tensor) -> Result<Address> {
    let (storage, layout) = tensor.storage_and_layout();
    if !layout.is_contiguous() {
        candle_core::bail!("a kernel is given a tensor that is not contiguous: {layout:?}");
    }
    let Storage::Cuda(storage) = &*storage else {
        candle_core::bail!("a kernel is given a tensor that is not on its device")
    };
    let begin = match &storage.slice {
        CudaStorageSlice::BF16(slice) => begin(slice),
        CudaStorageSlice::F16(slice) => begin(slice),
        CudaStorageSlice::F32(slice) => begin(slice),
        CudaStorageSlice::U32(slice) => begin(slice),
        _ => candle_core::bail!("a kernel is given a tensor of {:?}", tensor.dtype()),
    };
    Ok(begin + (layout.start_offset() * tensor.dtype().size_in_bytes()) as u64)
}

fn begin<T>(slice: &CudaSlice<T>) -> Address {
    slice.device_ptr(slice.stream()).0
}

/// Lets the driver keep memory that was given back: it takes milliseconds to get it again.
///
/// # Errors
/// When the driver fails.
pub(super) fn keep_pool(device: &CudaDevice) -> Result<()> {
    let ordinal = i32::try_from(device.cuda_stream().context().ordinal()).unwrap_or(0);
    let mut pool = std::ptr::null_mut();
    let mut most = u64::MAX;
    let threshold = sys::CUmemPool_attribute::CU_MEMPOOL_ATTR_RELEASE_THRESHOLD;
    // SAFETY: the pool is the device's own and lives as long; the driver copies the number.
    unsafe {
        let device = sys::CUdevice::from(ordinal);
        sys::cuDeviceGetDefaultMemPool(&raw mut pool, device).result().map_err(Error::wrap)?;
        sys::cuMemPoolSetAttribute(pool, threshold, (&raw mut most).cast()).result()
    }
    .map_err(Error::wrap)
}

/// A stretch of device memory, zeros at first.
pub(super) struct Memory {
    slice: CudaSlice<u8>,
}

impl Memory {
    /// Room for `count` numbers of `bytes` bytes each.
    pub(super) fn new(device: &CudaDevice, count: usize, bytes: usize) -> Result<Self> {
        Ok(Self { slice: device.alloc_zeros((count * bytes).max(1))? })
    }

    pub(super) fn address(&self) -> Address {
        begin(&self.slice)
    }
}
