//! The kernels at full size, held to the generic path and timed.

use std::time::Instant;

use candle_core::{DType, Device, Tensor};

use super::batch::{Batch, keys};
use super::kernels::Kernels;
use super::memory::address;
use super::product::{Matrix, Product, Then};
use super::rows::Speaking;
use super::stack::Span;
use crate::qwen3_tts::config::{Kind, ModelConfig, Size};
use crate::qwen3_tts::frames::{Admission, Frames, StepOutcome};
use crate::qwen3_tts::prompt::Prefill;
use crate::qwen3_tts::sampling::{Draws, Sampling, Warp};
use crate::qwen3_tts::weights::{Layout, WeightFormat, Weights};
use crate::qwen3_tts::{Frame, FrameModel};

fn device() -> Device {
    Device::new_cuda_with_stream(0).unwrap()
}

/// A full-size model whose lines do not end.
fn endless(size: Size, dtype: DType, device: &Device) -> FrameModel {
    let mut config = ModelConfig::released(Kind::CustomVoice, size);
    // An id that there is not is never chosen.
    config.talker_config.codec_eos_token_id =
        u32::try_from(config.talker_config.vocab_size).unwrap();
    let weights = Weights::random(Layout::of_model(&config), 1);
    FrameModel::load_as(WeightFormat::Native, &weights, &config, (device, dtype)).unwrap()
}

fn noise(rows: usize, width: usize, device: &Device) -> Tensor {
    Tensor::randn(0f32, 1.0, (rows, width), device).unwrap().to_dtype(DType::BF16).unwrap()
}

fn prompt(model: &FrameModel, positions: usize, device: &Device) -> Prefill {
    let kernels = model.kernels.as_ref().unwrap();
    let noise = |rows| {
        let noise = (noise(rows, kernels.talker.width, device) * 0.05).unwrap();
        noise.to_dtype(kernels.dtype).unwrap()
    };
    Prefill { embeds: noise(positions), shared: 0, trailing: Some(noise(5)), pad: noise(1) }
}

fn sampling(is_greedy: bool) -> Sampling {
    let warp = Warp { temperature: 0.9, top_k: 50, top_p: 1.0 };
    let warp = (!is_greedy).then_some(warp);
    let (talker, predictor) = (warp, warp);
    Sampling { talker, predictor, repetition_penalty: 1.05, max_tokens: 100_000 }
}

fn far(ours: &Tensor, theirs: &Tensor) -> (f32, f32) {
    let ours: Vec<f32> =
        ours.to_dtype(DType::F32).unwrap().flatten_all().unwrap().to_vec1().unwrap();
    let theirs: Vec<f32> =
        theirs.to_dtype(DType::F32).unwrap().flatten_all().unwrap().to_vec1().unwrap();
    let (mut most, mut above, mut below) = (0f32, 0f64, 0f64);
    for (a, b) in ours.iter().zip(&theirs) {
        assert!(a.is_finite() && b.is_finite());
        most = most.max((a - b).abs());
        above += f64::from(a - b).powi(2);
        below += f64::from(*b).powi(2);
    }
    #[expect(clippy::cast_possible_truncation, reason = "it is shown")]
    (most, (above / below).sqrt() as f32)
}

#[test]
#[ignore = "needs a CUDA device"]
fn products_are_the_librarys_at_any_number_of_rows() {
    let device = device();
    let kernels = Kernels::load(device.as_cuda_device().unwrap(), DType::BF16).unwrap();
    for (inputs, outputs) in [(2048, 4096), (2048, 2048), (6144, 2048), (1024, 2048), (3072, 1024)]
    {
        let weight = noise(outputs, inputs, &device);
        let all = noise(130, inputs, &device);
        let mut first = Vec::new();
        for rows in [1, 3, 8, 9, 16, 30, 33, 64, 65, 130] {
            let x = all.narrow(0, 0, rows).unwrap().contiguous().unwrap();
            let out = Tensor::zeros((rows, outputs), DType::F32, &device).unwrap();
            let matrix = Matrix { weight: address(&weight).unwrap(), bias: 0, inputs, outputs };
            let (x_at, out_at) = (address(&x).unwrap(), address(&out).unwrap());
            // SAFETY: sizes are the tensors', which live until the result is read.
            unsafe { kernels.product(&matrix.product(x_at, rows, Then::Logits, out_at)) }.unwrap();
            let (x, w) = (x.to_dtype(DType::F32).unwrap(), weight.to_dtype(DType::F32).unwrap());
            let theirs = x.matmul(&w.t().unwrap()).unwrap();
            let (most, relative) = far(&out, &theirs);
            eprintln!(
                "{inputs} -> {outputs}, {rows} rows: {most:e} at most, {relative:e} relative"
            );
            assert!(relative < 1e-5);
            let row: Vec<f32> = out.get(0).unwrap().to_vec1().unwrap();
            if first.is_empty() {
                first = row;
            } else {
                assert!(first == row, "a row differs among {rows}");
            }
        }
    }
}

/// What the fast kernels do with a product, at the sizes of the 1.7B model, is what the plain ones do
/// but for the rounding of sums that are grouped otherwise.
#[test]
#[ignore = "needs a CUDA device"]
fn products_end_alike_with_and_without_haste() {
    let device = device();
    let mut kernels = Kernels::load(device.as_cuda_device().unwrap(), DType::BF16).unwrap();
    let fast = std::mem::take(&mut kernels.products);
    let plain = ends(&kernels, &device);
    kernels.products = fast;
    for (what, (fast, plain)) in ends(&kernels, &device).iter().zip(&plain).enumerate() {
        let (most, relative) = far(fast, plain);
        eprintln!("end {what}: {most:e} at most, {relative:e} relative");
        assert!(relative < 2e-3, "end {what}");
    }
}

/// Numbers as a kernel takes and gives them, the same whenever they are asked for.
fn steady(rows: usize, width: usize, dtype: DType, device: &Device) -> Tensor {
    let number = |place: usize| (u16::try_from(place * 7919 % 65_521).unwrap(), place);
    let numbers: Vec<f32> =
        (0..rows * width).map(number).map(|(n, _)| (f32::from(n) * 0.731).sin()).collect();
    let numbers = Tensor::from_vec(numbers, (rows, width), &Device::Cpu).unwrap();
    numbers.to_dtype(dtype).unwrap().to_device(device).unwrap()
}

/// All that products of 37 rows leave behind: stored, gated, added, with what comes with it.
fn ends(kernels: &Kernels, device: &Device) -> Vec<Tensor> {
    const ROWS: usize = 37;
    let (inputs, outputs) = (2048, 4096);
    let weight = (steady(outputs, inputs, DType::F32, device) * 0.02).unwrap();
    let weight = weight.to_dtype(DType::BF16).unwrap();
    let bias = steady(1, outputs, DType::BF16, device);
    let x = steady(ROWS, inputs, DType::BF16, device);
    let squares = steady(ROWS, 32, DType::F32, device).abs().unwrap();
    let next_norm = steady(1, outputs, DType::BF16, device);
    let out = || Tensor::zeros((ROWS, outputs), DType::BF16, device).unwrap();
    let at = |tensor: &Tensor| address(tensor).unwrap();
    let matrix = Matrix { weight: at(&weight), bias: at(&bias), inputs, outputs };
    let normed = |product: Product| Product {
        squares: at(&squares),
        square_tiles: 32,
        eps: 1e-6,
        ..product
    };
    let (stored, added) = (out(), out());
    let gated = Tensor::zeros((ROWS, outputs / 2), DType::BF16, device).unwrap();
    let sum = steady(ROWS, outputs, DType::F32, device);
    let next_squares = Tensor::zeros((ROWS, outputs / 64), DType::F32, device).unwrap();
    let products = [
        normed(matrix.product(at(&x), ROWS, Then::Store, at(&stored))),
        normed(matrix.product(at(&x), ROWS, Then::Gate, at(&gated))),
        Product {
            sum: at(&sum),
            next_norm: at(&next_norm),
            next_squares: at(&next_squares),
            ..matrix.product(at(&x), ROWS, Then::Add, at(&added))
        },
    ];
    for product in &products {
        // SAFETY: sizes are the tensors', which live until the results are read.
        unsafe { kernels.product(product) }.unwrap();
    }
    device.synchronize().unwrap();
    vec![stored, gated, added, sum, next_squares]
}

fn speak(model: &FrameModel, prompts: &[Prefill], slots: usize, frames: usize) -> Vec<Vec<Frame>> {
    let mut codes = vec![Vec::new(); prompts.len()];
    for (first, prompts) in prompts.chunks(slots).enumerate() {
        let mut seated = Frames::new(model, slots);
        for (line, prefill) in prompts.iter().enumerate() {
            let draws = Draws::seeded((first * slots + line) as u64);
            let sampling = sampling(line % 2 == 0);
            let admission = Admission { prefill, prefix: None, sampling, draws };
            seated.admit(model, admission).unwrap();
        }
        for _ in 0..frames {
            for (slot, outcome) in seated.step(model).unwrap() {
                let StepOutcome::Frame(frame) = outcome else { panic!("{outcome:?}") };
                codes[first * slots + slot].push(frame);
            }
        }
    }
    codes
}

/// In F32 both paths round so little that they choose alike.
#[test]
#[ignore = "needs a CUDA device with 16 GB"]
fn both_paths_choose_alike_at_full_size() {
    let device = device();
    for size in [Size::Small, Size::Large] {
        let mut model = endless(size, DType::F32, &device);
        let prompts: Vec<_> =
            [17, 40, 33].map(|length| prompt(&model, length, &device)).into_iter().collect();
        let fused = speak(&model, &prompts, 3, 8);
        model.kernels = None;
        assert_eq!(fused, speak(&model, &prompts, 3, 8), "{size:?}");
    }
}

#[test]
#[ignore = "needs a CUDA device"]
fn a_line_has_the_same_codes_in_any_company_at_full_size() {
    let device = device();
    let model = endless(Size::Large, DType::BF16, &device);
    let prompts: Vec<_> = (0..40).map(|line| prompt(&model, 5 + line * 7 % 90, &device)).collect();
    // Lines of an even place choose by chance, those of an odd one the likeliest, whoever is there.
    let alone = speak(&model, &prompts, 2, 10);
    for slots in [4, 10, 40] {
        assert_eq!(alone, speak(&model, &prompts, slots, 10), "{slots} slots");
    }
}

#[test]
#[ignore = "needs a CUDA device; prints how long decoding takes"]
fn waves_are_the_generic_ones_and_are_timed() {
    use crate::qwen3_tts::codec::decoder::{CodecDecoder, Line};
    use crate::qwen3_tts::config::CodecConfig;
    let device = device();
    let config = CodecConfig::released();
    let weights = Weights::random(Layout::of_codec(&config), 1).builder(DType::F32, &device);
    let mut decoder = CodecDecoder::new(&config, &weights).unwrap();
    let frame = |index: usize| -> crate::qwen3_tts::Frame {
        std::array::from_fn(|book| u16::try_from((index * 131 + book * 717) % 2048).unwrap())
    };
    let frames: Vec<_> = (0..125).map(frame).collect();
    let other: Vec<_> = (300..360).map(frame).collect();
    let kernels = decoder.wave_kernels.take();
    assert!(kernels.is_some());
    let lines = [
        Line { reference: None, frames: &frames },
        Line { reference: None, frames: &other },
        Line { reference: None, frames: &frames[..3] },
    ];
    let generic = decoder.decode(&lines).unwrap();
    let time = |decoder: &CodecDecoder, name: &str| {
        for rows in [1, 8, 32] {
            let lines = vec![Line { reference: None, frames: &frames }; rows];
            for _ in 0..2 {
                decoder.decode(&lines).unwrap();
            }
            let start = Instant::now();
            for _ in 0..3 {
                decoder.decode(&lines).unwrap();
            }
            let took = start.elapsed().as_secs_f64() / 3.0;
            #[expect(clippy::cast_precision_loss, reason = "few")]
            let each = took * 1e3 / (rows * frames.len()) as f64;
            eprintln!(
                "codec {name} {rows} lines: {:.2} ms, {each:.4} ms a frame, {:.0} x real time",
                took * 1e3,
                80.0 / each
            );
        }
    };
    candle_core::cuda::set_gemm_reduced_precision_f32(true);
    let reduced = decoder.decode(&lines).unwrap();
    candle_core::cuda::set_gemm_reduced_precision_f32(false);
    let mut allowed = Vec::new();
    for (reduced, generic) in reduced.iter().zip(&generic) {
        let tensor = |x: &[f32]| Tensor::new(x, &Device::Cpu).unwrap();
        let (most, relative) = far(&tensor(reduced), &tensor(generic));
        let size = tensor(generic).sqr().unwrap().mean_all().unwrap().sqrt().unwrap();
        eprintln!("codec tf32: {most:e} at most, {relative:e} relative, of size {size:?}");
        allowed.push(relative);
    }
    decoder.wave_kernels = kernels;
    time(&decoder, "own");
    let ours = decoder.decode(&lines).unwrap();
    // Made-up weights drive activations so far that rounding is amplified: 11 bits in TF32 show by
    // how much, and F16 has as many.
    for ((ours, generic), allowed) in ours.iter().zip(&generic).zip(allowed) {
        assert_eq!(ours.len(), generic.len());
        let tensor = |x: &[f32]| Tensor::new(x, &Device::Cpu).unwrap();
        let (most, relative) = far(&tensor(ours), &tensor(generic));
        eprintln!("codec: {most:e} at most, {relative:e} relative, of {} samples", ours.len());
        assert!(relative < 1.5 * allowed, "TF32 is {allowed} off");
    }
}

/// What a part of a frame takes by itself, of a graph of nothing else; and how it would be if
/// products were cut into other numbers of blocks.
#[test]
#[ignore = "needs a CUDA device; prints how long the parts of a frame take"]
fn parts_of_a_frame_are_timed() {
    let device = device();
    let stream = device.as_cuda_device().unwrap().cuda_stream();
    let mut model = endless(Size::Large, DType::BF16, &device);
    eprintln!("{} kernels a frame", model.kernels.as_ref().unwrap().launches());
    for lines in [1, 8, 32, 64] {
        for blocks in [132, 200, 264, 384] {
            model.kernels.as_mut().unwrap().kernels.blocks = blocks;
            let kernels = model.kernels.as_ref().unwrap();
            let mut batch = Batch::new(kernels, lines, &device).unwrap();
            let mut cache = model.talker.cache(Batch::cache_rows(lines));
            cache.reserve(256).unwrap();
            let prefill = prompt(&model, 4, &device);
            let hidden = noise(1, kernels.talker.width, &device);
            let (sampling, draws) = (sampling(false), Draws::seeded(3));
            for slot in 0..lines {
                batch.seat(slot, &prefill, &hidden).unwrap();
            }
            let speaking =
                |slot| Speaking { slot, length: 150, count: 9, sampling: &sampling, draws: &draws };
            let speaking: Vec<_> = (0..lines).map(speaking).collect();
            batch.upload(&speaking, lines).unwrap();
            let (keys, _) = keys(&cache).unwrap();
            let places = batch.places(&keys, cache.capacity(), lines).unwrap();
            let span = Span {
                lines,
                tokens: 1,
                rows: places.rows,
                position: 0,
                keys: &keys,
                capacity: cache.capacity(),
            };
            // SAFETY: as in `Batch`.
            let parts = unsafe {
                [
                    batch.recorded(|| {
                        kernels.talker.launch(&kernels.kernels, &places.desk.talker, &span)
                    }),
                    batch.recorded(|| (1..16).try_for_each(|book| kernels.predict(&places, book))),
                    batch.recorded(|| {
                        (0..16).try_for_each(|book| {
                            kernels.kernels.choose(
                                &kernels.choice(&places, book, places.desk.hidden_address()),
                                lines,
                            )
                        })
                    }),
                    batch.recorded(|| kernels.launch(&places)),
                ]
            };
            let mut times = Vec::new();
            for part in parts {
                let part = part.unwrap();
                for _ in 0..3 {
                    part.launch().unwrap();
                }
                stream.synchronize().unwrap();
                let start = Instant::now();
                for _ in 0..30 {
                    part.launch().unwrap();
                }
                stream.synchronize().unwrap();
                times.push(start.elapsed().as_secs_f64() * 1e3 / 30.0);
            }
            let [talker, predictor, choosing, all] = times[..] else { panic!() };
            eprintln!(
                "{lines:>2} lines, {blocks:>3} blocks: talker {talker:.3}, predictor {predictor:.3}, choosing {choosing:.3}, all {all:.3} ms"
            );
        }
    }
}
