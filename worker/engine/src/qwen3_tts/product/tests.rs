use candle_core::{DType, Device};
use proptest::prelude::*;

use super::kernel::BLOCK;
use super::*;
use crate::qwen3_tts::weights::WeightFormat;

/// A matrix of numbers that need all their bits.
fn noise(rows: usize, columns: usize, seed: u64) -> Tensor {
    let number = |place: u64| {
        let scattered = place.wrapping_mul(0x9e37_79b9).wrapping_add(seed) % 65_521;
        (f32::from(u16::try_from(scattered).unwrap()) * 0.731).sin()
    };
    let numbers: Vec<f32> = (0..(rows * columns) as u64).map(number).collect();
    Tensor::from_vec(numbers, (rows, columns), &Device::Cpu).unwrap()
}

fn numbers(x: &Tensor) -> Vec<f32> {
    x.flatten_all().unwrap().to_vec1().unwrap()
}

fn bits(numbers: &[f32]) -> Vec<u32> {
    numbers.iter().map(|number| number.to_bits()).collect()
}

/// Weights that BF16 holds exactly.
fn coarse(weight: &Tensor) -> Tensor {
    weight.to_dtype(DType::BF16).unwrap().to_dtype(DType::F32).unwrap()
}

/// One way to hold a weight, and the weight that is held.
#[derive(Debug, Clone, Copy)]
enum Case {
    F32,
    Bf16,
    Q8,
}

const CASES: [Case; 3] = [Case::F32, Case::Bf16, Case::Q8];

fn pack(case: Case, weight: &Tensor, bias: Option<&Tensor>) -> Packed {
    match case {
        Case::F32 => Packed::new(&weight.t().unwrap(), bias, WeightFormat::Native).unwrap(),
        Case::Bf16 => {
            Packed::new(&coarse(weight).t().unwrap(), bias, WeightFormat::Native).unwrap()
        }
        Case::Q8 => Packed::new(&weight.t().unwrap(), bias, WeightFormat::Q8_0).unwrap(),
    }
}

/// One output as it is defined: one chain of additions.
fn output(packed: &Packed, x: &[f32], output: usize, is_fused: bool) -> f32 {
    let plus = |sum: f32, a: f32, b: f32| if is_fused { a.mul_add(b, sum) } else { sum + a * b };
    let wide = |bits: u16| f32::from_bits(u32::from(bits) << 16);
    let (panel, lane) = (output / PANEL, output % PANEL);
    let inputs = panel * packed.inputs..(panel + 1) * packed.inputs;
    let sum = match &packed.panels {
        Panels::F32(panels) => {
            panels[inputs].iter().zip(x).fold(0.0, |sum, (held, x)| plus(sum, held.0[lane], *x))
        }
        Panels::Bf16(panels) => panels[inputs]
            .iter()
            .zip(x)
            .fold(0.0, |sum, (held, x)| plus(sum, wide(held.0[lane]), *x)),
        Panels::Q8(blocks) => {
            let count = packed.inputs.div_ceil(BLOCK);
            let blocks = &blocks[panel * count..(panel + 1) * count];
            blocks.iter().zip(x.chunks(BLOCK)).fold(0.0, |sum, (block, x)| {
                let each = block.numbers.iter().zip(x);
                let of_block =
                    each.fold(0.0, |sum, (held, x)| plus(sum, f32::from(held[lane]), *x));
                plus(sum, of_block, wide(block.scales[lane]))
            })
        }
    };
    sum + packed.bias.as_ref().map_or(0.0, |bias| bias[output])
}

fn rows_of(x: &[f32], width: usize) -> Rows<'_> {
    let count = x.len() / width;
    Rows { numbers: x, count, stride: width, taps: 1, tap_stride: 0, width }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// On both sides of every width and count at which the loops change.
    #[test]
    fn every_output_is_its_own_chain_with_any_instructions(
        count in prop::sample::select(vec![1_usize, 2, 3, 5, 8, 13, 31, 96, 110]),
        inputs in prop::sample::select(vec![1_usize, 24, 31, 32, 33, 130]),
        outputs in prop::sample::select(vec![1_usize, 31, 32, 33, 70]),
        has_bias in any::<bool>(),
        seed in 0_u64..1_000,
    ) {
        let weight = noise(outputs, inputs, seed);
        let bias = noise(1, outputs, seed + 1).squeeze(0).unwrap();
        let x = numbers(&noise(count, inputs, seed + 2));
        for case in CASES {
            let packed = pack(case, &weight, has_bias.then_some(&bias));
            for &instructions in Instructions::all() {
                let ours = packed.product_with(instructions, &rows_of(&x, inputs), None);
                let is_fused = instructions.are_fused();
                let expected: Vec<f32> = x
                    .chunks(inputs)
                    .flat_map(|x| (0..outputs).map(move |place| (x, place)))
                    .map(|(x, place)| output(&packed, x, place, is_fused))
                    .collect();
                prop_assert_eq!(bits(&ours), bits(&expected), "{:?} {:?}", case, instructions);
            }
        }
    }

    #[test]
    fn a_row_has_the_same_bits_among_any_others(
        count in 1_usize..130,
        inputs in prop::sample::select(vec![3_usize, 48, 200]),
        outputs in prop::sample::select(vec![1_usize, 64, 100]),
        seed in 0_u64..1_000,
    ) {
        let weight = noise(outputs, inputs, seed);
        let x = noise(count, inputs, seed + 2);
        for case in CASES {
            let packed = pack(case, &weight, None);
            let together = bits(&numbers(&packed.multiply(&x).unwrap()));
            for row in 0..count {
                let alone = packed.multiply(&x.narrow(0, row, 1).unwrap()).unwrap();
                let expected = &together[row * outputs..(row + 1) * outputs];
                prop_assert_eq!(&bits(&numbers(&alone))[..], expected, "{:?} {}", case, row);
            }
        }
    }
}

#[test]
fn products_are_what_candles_are() {
    let (weight, x) = (noise(70, 130, 1), noise(19, 130, 2));
    let expected = x.matmul(&weight.t().unwrap()).unwrap();
    for packed in [
        pack(Case::F32, &weight, None),
        Packed::new(&weight.t().unwrap().contiguous().unwrap(), None, WeightFormat::Native)
            .unwrap(),
    ] {
        let ours = packed.multiply(&x).unwrap();
        assert_eq!(ours.dims(), [19, 70]);
        let gap = (ours - &expected).unwrap().abs().unwrap().max_all().unwrap();
        assert!(gap.to_scalar::<f32>().unwrap() < 1e-4);
    }
}

#[test]
fn windows_are_the_rows_copied_together() {
    let (weight, x) = (noise(40, 3 * 8, 1), noise(150, 8, 2));
    let packed = pack(Case::F32, &weight, None);
    for (stride, dilation) in [(1, 1), (2, 1), (3, 1), (1, 2), (1, 9)] {
        let count = (150 - 2 * dilation - 1) / stride + 1;
        let windows = Windows { count, stride, taps: 3, dilation };
        let copies: Vec<_> = (0..count)
            .flat_map(|row| (0..3).map(move |tap| row * stride + tap * dilation))
            .map(|row| x.narrow(0, row, 1).unwrap())
            .collect();
        let copies = Tensor::cat(&copies, 0).unwrap().reshape((count, 24)).unwrap();
        let expected = bits(&numbers(&packed.multiply(&copies).unwrap()));
        assert_eq!(bits(&numbers(&packed.convolve(&x, windows).unwrap())), expected, "{windows:?}");
        let beyond = Windows { count: count + 1, ..windows };
        assert!(packed.convolve(&x, beyond).is_err());
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let packed = pack(Case::F32, &noise(4, 6, 1), None);
    assert!(packed.multiply(&noise(2, 5, 1)).is_err());
    assert!(packed.multiply(&noise(2, 6, 1).to_dtype(DType::F64).unwrap()).is_err());
    assert_eq!(packed.multiply(&noise(2, 6, 1).narrow(0, 0, 0).unwrap()).unwrap().dims(), [0, 4]);
}

#[test]
fn bytes_are_as_few_as_the_format_allows() {
    let weight = noise(64, 96, 1);
    let bytes = CASES.map(|case| pack(case, &weight, None).panels.bytes());
    assert_eq!(bytes, [64 * 96 * 4, 64 * 96 * 2, 64 * 3 * (32 + 2)]);
}

/// Half a step of the block's scale, which is rounded up by a 128th at most.
#[test]
fn eight_bits_are_nearest() {
    let weight = noise(33, 70, 5);
    let identity: Vec<f32> =
        (0..70 * 70).map(|place| if place / 70 == place % 70 { 1.0 } else { 0.0 }).collect();
    let identity = Tensor::from_vec(identity, (70, 70), &Device::Cpu).unwrap();
    let held = pack(Case::Q8, &weight, None).multiply(&identity).unwrap().t().unwrap();
    let (held, weight) = (held.to_vec2::<f32>().unwrap(), weight.to_vec2::<f32>().unwrap());
    for (held, weight) in held.iter().zip(&weight) {
        for (held, weight) in held.chunks(BLOCK).zip(weight.chunks(BLOCK)) {
            let largest = weight.iter().map(|number| number.abs()).fold(0.0, f32::max);
            for (held, weight) in held.iter().zip(weight) {
                assert!(
                    (held - weight).abs() <= largest / 127.0 * (1.0 + 1.0 / 128.0) / 2.0 + 1e-7
                );
            }
        }
    }
    let zeros = Tensor::zeros((4, 32), DType::F32, &Device::Cpu).unwrap();
    let product = pack(Case::Q8, &zeros, None).multiply(&noise(3, 32, 1)).unwrap();
    assert_eq!(numbers(&product), [0.0; 12]);
}
