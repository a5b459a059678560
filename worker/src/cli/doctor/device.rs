//! Whether what computes models computes them right.

use engine::qwen3_tts::proof::{self, Finding, Stage};
use engine::qwen3_tts::weights::compute_dtype;
use engine::qwen3_tts::{Processor, device, device_name};

use super::{Check, State};

/// Finds what computes and runs the tiny model that is inside this program on it, stage by stage.
pub(super) async fn checks(processor: Processor) -> Vec<Check> {
    match tokio::task::spawn_blocking(move || proved(processor)).await {
        Ok(checks) => checks,
        Err(error) => vec![super::check("device".to_owned(), Err(error.into()))],
    }
}

fn proved(processor: Processor) -> Vec<Check> {
    let device = match device(processor) {
        Ok(device) => device,
        Err(error) => return vec![super::check("device".to_owned(), Err(error.into()))],
    };
    let name = device_name(&device);
    let dtype = compute_dtype(&device).as_str();
    let computes = format!("models are computed on {name} in {dtype}, their codec in f32");
    let mut checks = vec![super::check("device".to_owned(), Ok(computes))];
    match proof::whole(&device) {
        Ok(findings) => checks.extend(findings.iter().map(|finding| check(name, finding))),
        Err(error) => checks.push(super::check(name.to_owned(), Err(error.into()))),
    }
    checks
}

fn check(device: &str, finding: &Finding) -> Check {
    Check {
        name: format!("{device} {}", finding.stage.name()),
        state: if finding.is_passed() { State::Ok } else { State::Failed },
        detail: detail(finding),
        largest: Some(finding.largest),
        tolerance: Some(finding.tolerance),
    }
}

fn detail(finding: &Finding) -> String {
    let Finding { stage, largest, tolerance, problem } = finding;
    if let Some(problem) = problem {
        return problem.clone();
    }
    match stage {
        Stage::Tokenizer if *largest == 0.0 => "every text is cut as by the reference".to_owned(),
        Stage::Tokenizer => format!("{largest} texts are cut otherwise than by the reference"),
        Stage::Sampling if *largest == 0.0 => "everything is drawn as on a CPU".to_owned(),
        Stage::Sampling => format!("{largest} choices are others than on a CPU"),
        Stage::Codes | Stage::Batch if *largest == 0.0 => "the reference's to the last".to_owned(),
        Stage::Codes | Stage::Batch => format!(
            "the first other one was {largest:.1e} behind the reference's, {tolerance:.1e} is \
             tolerated"
        ),
        _ => format!("at most {largest:.1e} from the reference, {tolerance:.1e} is tolerated"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_failed_says_how_far_it_was_off() {
        let finding =
            Finding { stage: Stage::Predictor, largest: 0.25, tolerance: 3e-5, problem: None };
        let check = check("metal", &finding);
        assert_eq!((check.name.as_str(), check.state), ("metal predictor", State::Failed));
        assert_eq!(check.detail, "at most 2.5e-1 from the reference, 3.0e-5 is tolerated");
    }

    #[test]
    fn a_number_that_is_none_does_not_pass() {
        let finding =
            Finding { stage: Stage::Decoder, largest: f32::NAN, tolerance: 2e-5, problem: None };
        assert_eq!(check("cuda", &finding).state, State::Failed);
    }
}
