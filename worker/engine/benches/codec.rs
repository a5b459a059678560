//! How long the codec's decoder takes for a frame, at its real size with made-up weights, on a CPU.
//!
//! `cargo bench -p engine --bench codec`. The other side of each ratio is the same computation
//! written straight down with candle's own convolutions; of the whole decoder it is only the part
//! behind the transformer, so that ratio is a little better than shown.

#![expect(clippy::print_stdout, reason = "a bench's output is its result")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use candle_core::{DType, Device, Result, Tensor};
use candle_nn::VarBuilder;
use engine::qwen3_tts::Frame;
use engine::qwen3_tts::codec::decoder::{CodecDecoder, Line};
use engine::qwen3_tts::config::{CodecConfig, CodecDecoderConfig};
use engine::qwen3_tts::weights::{Layout, Weights};

/// Frames of a line: two seconds.
const FRAMES: usize = 25;

/// Frames that are decoded in candle's way: without portions, more would not fit small machines.
const CANDLE_FRAMES: usize = 8;

/// Moments that a single convolution is measured over.
const MOMENTS: usize = 2048;

/// Times that each is measured; the fastest counts.
const REPEATS: usize = 3;

fn main() -> Result<()> {
    convolutions()?;
    let config = CodecConfig::released();
    let weights = Weights::random(Layout::of_codec(&config), 1).builder(DType::F32, &Device::Cpu);
    let candle = candle_waves(&config.decoder_config, &weights)?;
    println!("candle's convolutions, without the transformer: {candle:.1} ms a frame");
    let decoder = CodecDecoder::new(&config, &weights)?;
    for rows in [1, 8] {
        let frames: Vec<Frame> = (0..FRAMES).map(frame).collect();
        let lines = vec![Line { reference: None, frames: &frames }; rows];
        let took = fastest(|| decoder.decode(&lines).map(drop))?;
        let ours = millis(took) / count(rows * FRAMES);
        println!("ours, {rows} lines: {ours:.1} ms a frame, {:.2} times as fast", candle / ours);
    }
    Ok(())
}

/// A convolution of 7 taps as a product with windows against `conv1d`.
fn convolutions() -> Result<()> {
    for channels in [96, 384, 1024] {
        let device = Device::Cpu;
        let x = Tensor::randn(0f32, 1.0, (1, channels, MOMENTS + 6), &device)?;
        let weight = Tensor::randn(0f32, 1.0, (channels, channels, 7), &device)?;
        let candle = fastest(|| x.conv1d(&weight, 0, 1, 1, 1).map(drop))?;
        let x = x.squeeze(0)?.t()?.contiguous()?;
        let weight = weight.permute((2, 1, 0))?.contiguous()?.reshape((7 * channels, channels))?;
        let ours = fastest(|| windows(&x)?.matmul(&weight).map(drop))?;
        let ratio = candle.as_secs_f64() / ours.as_secs_f64();
        let ours = millis(ours);
        println!("{channels} channels: {ours:.2} ms, {ratio:.2} times as fast as conv1d");
    }
    Ok(())
}

fn windows(x: &Tensor) -> Result<Tensor> {
    let shifted: Vec<_> = (0..7).map(|tap| x.narrow(0, tap, MOMENTS)).collect::<Result<_>>()?;
    Tensor::cat(&shifted, 1)
}

/// Milliseconds a frame of what is behind the transformer, in candle's own operations.
fn candle_waves(config: &CodecDecoderConfig, weights: &VarBuilder) -> Result<f64> {
    let layers = Layers::load(config, &weights.pp("decoder.decoder"))?;
    let x = Tensor::randn(0f32, 0.5, (1, config.latent_dim, 4 * CANDLE_FRAMES), &Device::Cpu)?;
    Ok(millis(fastest(|| layers.forward(&x).map(drop))?) / count(CANDLE_FRAMES))
}

/// The convolutional part as the reference writes it.
struct Layers {
    first: Conv,
    blocks: Vec<Block>,
    act: Snake,
    last: Conv,
}

struct Block {
    act: Snake,
    /// A transposed convolution's weight and bias.
    upsampling: (Tensor, Tensor),
    rate: usize,
    units: Vec<(Snake, Conv, Snake, Conv)>,
}

struct Conv {
    weight: Tensor,
    bias: Tensor,
    dilation: usize,
}

struct Snake {
    alpha: Tensor,
    beta: Tensor,
}

impl Layers {
    fn load(config: &CodecDecoderConfig, weights: &VarBuilder) -> Result<Self> {
        let mut width = config.decoder_dim;
        let first = Conv::load((config.latent_dim, width), 7, 1, &weights.pp("0"))?;
        let mut blocks = Vec::new();
        for (index, &rate) in config.upsample_rates.iter().enumerate() {
            blocks.push(Block::load(width, rate, &weights.pp(index + 1).pp("block"))?);
            width /= 2;
        }
        let act = Snake::load(width, &weights.pp(blocks.len() + 1))?;
        let last = Conv::load((width, 1), 7, 1, &weights.pp(blocks.len() + 2))?;
        Ok(Self { first, blocks, act, last })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let mut x = self.first.forward(x)?;
        for block in &self.blocks {
            x = block.forward(&x)?;
        }
        self.last.forward(&self.act.forward(&x)?)
    }
}

impl Block {
    fn load(width: usize, rate: usize, weights: &VarBuilder) -> Result<Self> {
        let (half, upsampling) = (width / 2, weights.pp("1.conv"));
        let unit = |(index, dilation): (usize, usize)| {
            let unit = weights.pp(index);
            Ok((
                Snake::load(half, &unit.pp("act1"))?,
                Conv::load((half, half), 7, dilation, &unit.pp("conv1"))?,
                Snake::load(half, &unit.pp("act2"))?,
                Conv::load((half, half), 1, 1, &unit.pp("conv2"))?,
            ))
        };
        Ok(Self {
            act: Snake::load(width, &weights.pp(0))?,
            upsampling: (
                upsampling.get((width, half, 2 * rate), "weight")?,
                upsampling.get(half, "bias")?.reshape((1, half, 1))?,
            ),
            rate,
            units: [(2, 1), (3, 3), (4, 9)].map(unit).into_iter().collect::<Result<_>>()?,
        })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let (weight, bias) = &self.upsampling;
        let x = self.act.forward(x)?.conv_transpose1d(weight, 0, 0, self.rate, 1, 1)?;
        let mut x = x.narrow(2, 0, x.dim(2)? - self.rate)?.broadcast_add(bias)?;
        for (act1, conv1, act2, conv2) in &self.units {
            let inner = conv1.forward(&act1.forward(&x)?)?;
            x = (x + conv2.forward(&act2.forward(&inner)?)?)?;
        }
        Ok(x)
    }
}

impl Conv {
    fn load(
        (input, output): (usize, usize),
        kernel: usize,
        dilation: usize,
        weights: &VarBuilder,
    ) -> Result<Self> {
        let weights = weights.pp("conv");
        let weight = weights.get((output, input, kernel), "weight")?;
        let bias = weights.get(output, "bias")?.reshape((1, output, 1))?;
        Ok(Self { weight, bias, dilation })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let before = (self.weight.dim(2)? - 1) * self.dilation;
        let x = x.pad_with_zeros(2, before, 0)?;
        x.conv1d(&self.weight, 0, 1, self.dilation, 1)?.broadcast_add(&self.bias)
    }
}

impl Snake {
    fn load(channels: usize, weights: &VarBuilder) -> Result<Self> {
        let get = |name| weights.get(channels, name)?.exp()?.reshape((1, channels, 1));
        Ok(Self { alpha: get("alpha")?, beta: (get("beta")? + 1e-9)? })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        x + x.broadcast_mul(&self.alpha)?.sin()?.sqr()?.broadcast_div(&self.beta)?
    }
}

/// Any frame.
fn frame(index: usize) -> Frame {
    let code = |book: usize| u16::try_from((index * 131 + book * 17) % 2048).unwrap_or(0);
    std::array::from_fn(code)
}

fn fastest(mut work: impl FnMut() -> Result<()>) -> Result<Duration> {
    let mut fastest = Duration::MAX;
    for _ in 0..REPEATS {
        let start = Instant::now();
        black_box(work()?);
        fastest = fastest.min(start.elapsed());
    }
    Ok(fastest)
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

#[expect(clippy::cast_precision_loss, reason = "counts of frames are small")]
fn count(frames: usize) -> f64 {
    frames as f64
}
