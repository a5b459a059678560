//! Both paths of a CUDA device, held to the reference's codes.

use super::*;

fn device() -> Device {
    Device::new_cuda_with_stream(0).unwrap()
}

/// Every case of a release, in an order that mixes long and short ones.
fn lines(release: &Release) -> Vec<(String, usize)> {
    release.cases.keys().enumerate().map(|(place, case)| (case.clone(), place % 3)).collect()
}

#[test]
#[ignore = "needs a CUDA device"]
fn every_line_has_the_references_codes_with_kernels_of_our_own() {
    for name in RELEASES {
        let release = Release::open_on(WeightFormat::Native, name, &device(), DType::F32);
        assert!(release.model.kernels.is_some(), "{name} has no kernels");
        for slots in [1, 5, 16] {
            let lines = lines(&release);
            for ((case, _), spoken) in lines.iter().zip(speak(&release, slots, &lines)) {
                assert_eq!(spoken.frames, release.codes(case), "{name} {case}, {slots} slots");
                let is_said = release.cases[case].stopped_by_eos;
                let expected = if is_said { Ending::Said } else { Ending::Capped };
                assert_eq!(spoken.ending, Some(expected), "{name} {case}");
            }
        }
    }
}

#[test]
#[ignore = "needs a CUDA device"]
fn every_line_has_the_references_codes_in_candles_kernels() {
    for name in RELEASES {
        let mut release = Release::open_on(WeightFormat::Native, name, &device(), DType::F32);
        release.model.kernels = None;
        let lines = lines(&release);
        for ((case, _), spoken) in lines.iter().zip(speak(&release, 16, &lines)) {
            assert_eq!(spoken.frames, release.codes(case), "{name} {case}");
        }
    }
}

/// Tiny models choose among nearly equal codes, so BF16 has codes of its own; but the same ones in
/// any company.
#[test]
#[ignore = "needs a CUDA device"]
fn a_line_has_the_same_codes_in_any_company_in_bf16() {
    for name in RELEASES {
        let release = Release::open_on(WeightFormat::Native, name, &device(), DType::BF16);
        let lines = lines(&release);
        let alone = speak(&release, 1, &lines);
        for slots in [2, 7, 24] {
            let together = speak(&release, slots, &lines);
            for ((case, _), (one, other)) in lines.iter().zip(alone.iter().zip(&together)) {
                assert_eq!(one.frames, other.frames, "{name} {case}, {slots} slots");
            }
        }
    }
}
