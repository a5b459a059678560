//! How far two tensors are from each other.

use candle_core::{DType, Result, Tensor};

/// Where two tensors of any float type are farthest apart, counting flat, and how far: NaN if either
/// holds one, or there is nothing to compare.
///
/// # Errors
/// When the shapes differ.
pub(super) fn farthest(ours: &Tensor, golden: &Tensor) -> Result<(usize, f32)> {
    if ours.dims() != golden.dims() {
        candle_core::bail!("shape {:?}, golden {:?}", ours.dims(), golden.dims());
    }
    let ours = ours.to_dtype(DType::F32)?.flatten_all()?.to_vec1::<f32>()?;
    let golden = golden.to_dtype(DType::F32)?.flatten_all()?.to_vec1::<f32>()?;
    // `total_cmp` puts NaN above every number, so one NaN is the worst difference there is.
    let differences = ours.iter().zip(&golden).map(|(a, b)| (a - b).abs());
    Ok(differences.enumerate().max_by(|x, y| x.1.total_cmp(&y.1)).unwrap_or((0, f32::NAN)))
}
