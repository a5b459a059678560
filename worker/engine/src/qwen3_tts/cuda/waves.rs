//! The convolutional half of the codec's decoder, a kernel for each convolution.

use candle_core::cuda_backend::CudaDevice;
use candle_core::cuda_backend::cudarc::driver::{
    CudaFunction, CudaSlice, CudaStream, DevicePtr as _,
};
use candle_core::{DType, Device, Error, Result, Tensor};

use super::kernels::{GENERATION, Grid, allow, launch, load};
use super::memory::{Address, NOWHERE, address, keep_pool};
use super::product::small;
use crate::qwen3_tts::codec::decoder::{ConvParts, DecoderState, SnakeParts, WaveParts};

static WAVE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/wave.fatbin"));

/// Points and outputs of a block, channels of a stage, its threads and memory; as `wave.cu` has them.
const POINTS: usize = 128;
const OUTPUTS: usize = 96;
const DEPTH: usize = 32;
const THREADS: u32 = 128;
const SHARED: u32 = 5 * (128 + 96) * 64;

/// Blocks for kernels that go over all numbers, however many.
const BLOCKS: usize = 1056;

/// `Conv` in `wave.cu`.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
struct Conv {
    input: Address,
    weight: Address,
    bias: Address,
    sum: Address,
    out: Address,
    alpha: Address,
    height: Address,
    points: i32,
    channels: i32,
    taps: i32,
    step: i32,
    outputs: i32,
    width: i32,
    rows: i32,
    adds: i32,
    stores: i32,
}

/// `Last` in `wave.cu`.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
struct Last {
    input: Address,
    weight: Address,
    bias: Address,
    out: Address,
    points: i32,
    channels: i32,
    taps: i32,
    step: i32,
}

/// `Cast` in `wave.cu`.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
struct Cast {
    from: Address,
    to: Address,
    count: i32,
}

/// The convolutions in order, with weights in F16.
pub(in crate::qwen3_tts) struct WaveKernels {
    device: Device,
    convolve: CudaFunction,
    convolve_last: CudaFunction,
    narrow: CudaFunction,
    widen: CudaFunction,
    steps: Vec<Step>,
    last: Layer,
}

impl std::fmt::Debug for WaveKernels {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WaveKernels").field("steps", &self.steps.len()).finish_non_exhaustive()
    }
}

/// A convolution and the snake behind it.
struct Step {
    layer: Layer,
    /// Moments that come out for one.
    stride: usize,
    /// `[O / stride]` each.
    alpha: Tensor,
    height: Tensor,
    /// Whether what it gives is added to what its block has so far.
    adds: bool,
    /// Whether that is needed again.
    stores: bool,
}

/// Weights of one convolution.
struct Layer {
    /// What the state calls it, if it looks back.
    name: Option<String>,
    /// F16 `[O, K·C]`; of the last F32.
    weight: Tensor,
    bias: Tensor,
    channels: usize,
    taps: usize,
    dilation: usize,
}

impl Layer {
    fn of(parts: &ConvParts, dtype: DType) -> Result<Self> {
        let taps = parts.weight.dim(0)? / parts.channels;
        Ok(Self {
            name: (taps > 1).then(|| parts.name.to_owned()),
            weight: parts.weight.t()?.contiguous()?.to_dtype(dtype)?,
            bias: parts.bias.contiguous()?,
            channels: parts.channels,
            taps,
            dilation: parts.dilation,
        })
    }

    fn outputs(&self) -> Result<usize> {
        self.weight.dim(0)
    }

    /// Moments that it looks back.
    fn back(&self) -> usize {
        (self.taps - 1) * self.dilation
    }
}

/// What goes into a convolution: what it remembers, then what is new. F16.
struct Input {
    memory: CudaSlice<u8>,
    /// Of what is new.
    new: Address,
}

impl WaveKernels {
    /// Loads the kernels and brings the weights into their form; `None` if the device is too old or
    /// a size is not what kernels are for.
    ///
    /// # Errors
    /// When the device fails.
    pub(in crate::qwen3_tts) fn of(parts: &WaveParts, cuda: &CudaDevice) -> Result<Option<Self>> {
        let stream = cuda.cuda_stream();
        let generation = stream.context().compute_capability().map_err(Error::wrap)?;
        let steps = steps(parts)?;
        let mut fits = generation >= GENERATION;
        for step in &steps {
            let (outputs, channels) = (step.layer.outputs()?, step.layer.channels);
            fits &=
                channels.is_multiple_of(DEPTH) && (outputs / step.stride).is_multiple_of(OUTPUTS);
        }
        if !fits {
            return Ok(None);
        }
        keep_pool(cuda)?;
        let find = load(stream.context(), WAVE)?;
        let convolve = find("convolve")?;
        allow(&convolve, SHARED)?;
        Ok(Some(Self {
            device: Device::Cuda(cuda.clone()),
            convolve,
            convolve_last: find("convolve_last")?,
            narrow: find("narrow")?,
            widen: find("widen")?,
            steps,
            last: Layer::of(&parts.last, DType::F32)?,
        }))
    }

    /// Goes on from a state, as the generic path does.
    ///
    /// # Shapes
    /// * `x` `[T, B, latent]`
    /// * returns `[T·samples, B]`
    ///
    /// # Errors
    /// When the device fails.
    pub(in crate::qwen3_tts) fn forward(
        &self,
        x: &Tensor,
        state: &mut DecoderState,
    ) -> Result<Tensor> {
        let (mut moments, rows, _) = x.dims3()?;
        let mut input = self.input(&self.steps[0].layer, moments, rows, state)?;
        let x = x.contiguous()?;
        self.cast(&self.narrow, address(&x)?, input.new, x.elem_count())?;
        let mut sum = None;
        for (index, step) in self.steps.iter().enumerate() {
            let next = self.steps.get(index + 1).map_or(&self.last, |next| &next.layer);
            let width = step.layer.outputs()? / step.stride;
            let longer = moments * step.stride;
            let out = self.input(next, longer, rows, state)?;
            if step.stores && !step.adds {
                sum = Some(self.room(longer * rows * width * 4)?);
            }
            let convolution = Conv {
                input: begin(&input.memory),
                weight: address(&step.layer.weight)?,
                bias: address(&step.layer.bias)?,
                sum: sum.as_ref().map_or(NOWHERE, begin),
                out: out.new,
                alpha: address(&step.alpha)?,
                height: address(&step.height)?,
                points: small(moments * rows),
                channels: small(step.layer.channels),
                taps: small(step.layer.taps),
                step: small(step.layer.dilation * rows),
                outputs: small(step.layer.outputs()?),
                width: small(width),
                rows: small(rows),
                adds: i32::from(step.adds),
                stores: i32::from(step.stores),
            };
            let blocks = ((moments * rows).div_ceil(POINTS), step.layer.outputs()? / OUTPUTS, 1);
            let grid = Grid { blocks, threads: THREADS, shared: SHARED, cluster: 1 };
            // SAFETY: sizes are the tensors' and what was made room for; memory is given back in
            // the order of the stream.
            unsafe { launch(&*self.stream()?, &self.convolve, &convolution, grid)? };
            self.remember(&step.layer, &input, (moments, rows), state)?;
            (input, moments) = (out, longer);
        }
        let samples = self.samples(&input, moments, rows)?;
        self.remember(&self.last, &input, (moments, rows), state)?;
        Ok(samples)
    }

    /// The last convolution: `[moments, rows]`.
    fn samples(&self, input: &Input, moments: usize, rows: usize) -> Result<Tensor> {
        let samples = Tensor::zeros((moments, rows), DType::F32, &self.device)?;
        let last = Last {
            input: begin(&input.memory),
            weight: address(&self.last.weight)?,
            bias: address(&self.last.bias)?,
            out: address(&samples)?,
            points: small(moments * rows),
            channels: small(self.last.channels),
            taps: small(self.last.taps),
            step: small(self.last.dilation * rows),
        };
        // SAFETY: as in `forward`.
        unsafe { launch(&*self.stream()?, &self.convolve_last, &last, over_all())? };
        Ok(samples)
    }

    /// Room for what goes into a layer, with what the layer remembers in front.
    fn input(
        &self,
        layer: &Layer,
        moments: usize,
        rows: usize,
        state: &DecoderState,
    ) -> Result<Input> {
        let back = layer.back() * rows * layer.channels;
        let memory = self.room((back + moments * rows * layer.channels) * 2)?;
        let new = begin(&memory) + back as u64 * 2;
        if let Some(name) = &layer.name {
            let tail = state.tail(name)?.contiguous()?;
            self.cast(&self.narrow, address(&tail)?, begin(&memory), back)?;
        }
        Ok(Input { memory, new })
    }

    /// Keeps the end of what went into a layer.
    fn remember(
        &self,
        layer: &Layer,
        input: &Input,
        (moments, rows): (usize, usize),
        state: &mut DecoderState,
    ) -> Result<()> {
        let Some(name) = &layer.name else { return Ok(()) };
        let tail = Tensor::zeros((layer.back(), rows, layer.channels), DType::F32, &self.device)?;
        let end = begin(&input.memory) + (moments * rows * layer.channels) as u64 * 2;
        self.cast(&self.widen, end, address(&tail)?, tail.elem_count())?;
        state.set_tail(name, tail);
        Ok(())
    }

    fn cast(&self, way: &CudaFunction, from: Address, to: Address, count: usize) -> Result<()> {
        let cast = Cast { from, to, count: small(count) };
        // SAFETY: as in `forward`.
        unsafe { launch(&*self.stream()?, way, &cast, over_all()) }
    }

    /// Memory in which nothing is yet.
    fn room(&self, bytes: usize) -> Result<CudaSlice<u8>> {
        // SAFETY: all of it is written before it is read: in front by `input`, behind by the
        // convolution before.
        unsafe { self.cuda()?.alloc(bytes.max(16)) }
    }

    fn cuda(&self) -> Result<&CudaDevice> {
        self.device.as_cuda_device()
    }

    fn stream(&self) -> Result<std::sync::Arc<CudaStream>> {
        Ok(self.cuda()?.cuda_stream())
    }
}

fn begin(memory: &CudaSlice<u8>) -> Address {
    memory.device_ptr(memory.stream()).0
}

fn over_all() -> Grid {
    Grid { blocks: (BLOCKS, 1, 1), threads: 256, shared: 0, cluster: 1 }
}

/// All convolutions but the last, each with the snake that comes behind it.
fn steps(parts: &WaveParts) -> Result<Vec<Step>> {
    let step = |conv: &ConvParts, snake: &SnakeParts, stride, adds, stores| -> Result<Step> {
        Ok(Step {
            layer: Layer::of(conv, DType::F16)?,
            stride,
            alpha: snake.alpha.contiguous()?,
            height: snake.height.contiguous()?,
            adds,
            stores,
        })
    };
    let blocks = &parts.blocks;
    let mut steps = vec![step(&parts.first, &blocks[0].act, 1, false, false)?];
    for (index, block) in blocks.iter().enumerate() {
        let behind = blocks.get(index + 1).map_or(&parts.act, |next| &next.act);
        steps.push(step(&block.upsampling, &block.units[0].act1, block.stride, false, true)?);
        for (place, unit) in block.units.iter().enumerate() {
            let next = block.units.get(place + 1);
            steps.push(step(&unit.conv1, &unit.act2, 1, false, false)?);
            let snake = next.map_or(behind, |next| &next.act1);
            steps.push(step(&unit.conv2, snake, 1, true, next.is_some())?);
        }
    }
    Ok(steps)
}
