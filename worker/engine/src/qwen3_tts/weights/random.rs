//! Tensors made up from a seed, for benches of models whose weights are not at hand.

use candle_core::{Device, Result, Tensor};

use super::{Layout, Source};

/// Tensors that exist only while somebody holds them.
///
/// Every number follows from the seed, the tensor's name and the number's place alone, so rows can
/// be had without the rest and nothing depends on the order of asking.
#[derive(Debug)]
pub(super) struct Random {
    layout: Layout,
    seed: u64,
}

impl Random {
    /// Makes up nothing yet.
    pub(super) fn new(layout: Layout, seed: u64) -> Self {
        Self { layout, seed }
    }

    fn find(&self, name: &str) -> Result<(&[usize], Noise)> {
        let Some(shape) = self.layout.shapes.get(name) else {
            candle_core::bail!("no tensor {name}")
        };
        let (centre, spread) = range(name, shape);
        Ok((shape, Noise { key: mix(self.seed ^ hash(name)), centre, spread }))
    }
}

impl Source for Random {
    fn shape(&self, name: &str) -> Option<&[usize]> {
        self.layout.shapes.get(name).map(Vec::as_slice)
    }

    fn tensor(&self, name: &str, device: &Device) -> Result<Tensor> {
        let (shape, noise) = self.find(name)?;
        let count: usize = shape.iter().product();
        let numbers: Vec<f32> = (0..count as u64).map(|place| noise.at(place)).collect();
        Tensor::from_vec(numbers, shape, device)
    }

    fn rows(&self, name: &str, ids: &[u32]) -> Result<Tensor> {
        let (shape, noise) = self.find(name)?;
        let width = shape[1] as u64;
        let numbers: Vec<f32> = ids
            .iter()
            .flat_map(|&id| (0..width).map(move |column| u64::from(id) * width + column))
            .map(|place| noise.at(place))
            .collect();
        Tensor::from_vec(numbers, (ids.len(), shape[1]), &Device::Cpu)
    }
}

/// Evenly spread numbers around a centre.
#[derive(Debug, Clone, Copy)]
struct Noise {
    key: u64,
    centre: f32,
    spread: f32,
}

impl Noise {
    fn at(self, place: u64) -> f32 {
        let bits = mix(self.key.wrapping_add(place.wrapping_mul(0x9e37_79b9_7f4a_7c15))) >> 40;
        #[expect(clippy::cast_precision_loss, reason = "24 bits fit an f32 exactly")]
        let unit = bits as f32 / 8_388_608.0 - 1.0;
        self.centre + self.spread * unit
    }
}

/// Where a tensor's numbers lie: in the middle and how far around it.
fn range(name: &str, shape: &[usize]) -> (f32, f32) {
    let leaf = name.rsplit('.').next().unwrap_or(name);
    let is_norm = name.contains("norm.") || name.contains("layernorm.");
    match leaf {
        "bias" => (0.0, 0.02),
        "weight" if is_norm => (1.0, 0.1),
        "alpha" | "beta" => (0.0, 0.3),
        "gamma" | "scale" => (0.1, 0.05),
        "cluster_usage" => (1.0, 0.5),
        "initialized" => (1.0, 0.0),
        "embed_sum" | "embedding_sum" => (0.0, 1.0),
        _ if name.contains("embedding") => (0.0, 0.05),
        _ => (0.0, unit_gain(shape)),
    }
}

/// The spread for which as many products as an output sums up have a variance of one.
fn unit_gain(shape: &[usize]) -> f32 {
    let inputs: usize = shape[1..].iter().product();
    #[expect(clippy::cast_precision_loss, reason = "a layer's inputs are far below 2^24")]
    let inputs = inputs.max(1) as f32;
    (3.0 / inputs).sqrt()
}

/// FNV-1a.
fn hash(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// The output function of `SplitMix64`.
fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}
