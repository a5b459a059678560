//! What errors of the library mean to whoever asked over the network.
//!
//! Where queue and store are, and what their drivers said, goes into the log and not to the client.

use queue::QueueError;
use store::StoreError;
use tracing::error;

use super::problem::{Kind, Mistake, Problem};
use crate::cast::{BadFile, CastError, Uncast};
use crate::finish::FinishError;
use crate::plan::{BadNotes, PlanError, TooLong, UnspokenLanguages, models_with_voices};
use crate::submit::SubmitError;
use crate::takes::TakesError;

/// Seconds after which an outage is asked about again.
const OUTAGE_S: u64 = 5;

impl From<QueueError> for Problem {
    fn from(err: QueueError) -> Self {
        match &err {
            QueueError::NoSuchSubmission(_) | QueueError::UnknownWorker { .. } => {
                Self::new(Kind::NotFound, err.to_string())
            }
            QueueError::NotFinal(_) | QueueError::NameTaken { .. } => {
                Self::new(Kind::Conflict, err.to_string())
            }
            QueueError::Unavailable { .. } => {
                error!(error = &err as &dyn std::error::Error, "queue unavailable");
                Self::new(Kind::Unavailable, "the queue is busy or cannot be reached")
                    .after(OUTAGE_S)
            }
            QueueError::Broken { .. }
            | QueueError::Version { .. }
            | QueueError::Corrupt { .. }
            | QueueError::Address { .. }
            | QueueError::Unsound { .. } => {
                error!(error = &err as &dyn std::error::Error, "queue failed");
                Self::new(Kind::Internal, "the queue failed; the server's log says how")
            }
        }
    }
}

impl From<StoreError> for Problem {
    fn from(err: StoreError) -> Self {
        match &err {
            StoreError::NotFound { .. } => Self::new(
                Kind::NotFound,
                "rendered audio is gone from the store; submit the episode again to make it anew",
            ),
            StoreError::Unavailable { .. } => {
                error!(error = &err as &dyn std::error::Error, "store unavailable");
                Self::new(Kind::Unavailable, "the store cannot be reached").after(OUTAGE_S)
            }
            StoreError::Denied { .. }
            | StoreError::BadAddress { .. }
            | StoreError::Damaged { .. } => {
                error!(error = &err as &dyn std::error::Error, "store refused");
                Self::new(Kind::Internal, "the store refuses; the server's log says why")
            }
        }
    }
}

impl From<FinishError> for Problem {
    fn from(err: FinishError) -> Self {
        match err {
            FinishError::Queue(err) => err.into(),
            FinishError::Store(err) => err.into(),
            FinishError::Takes(err) => of_takes(&err),
        }
    }
}

impl From<BadFile> for Mistake {
    fn from(bad: BadFile) -> Self {
        let BadFile { file, line, column, message, advice } = bad;
        let (line, column) = (Some(line as u64), Some(column as u64));
        Self { file, line, column, message, advice }
    }
}

/// The problem of an upload that was not queued; `script` is what the client calls the screenplay.
pub(super) fn of_submit(err: SubmitError, script: &str) -> Problem {
    match err {
        SubmitError::Plan(err) => of_plan(err, script),
        SubmitError::Silent => {
            let detail = SubmitError::Silent.to_string();
            let (message, advice) = detail.split_once(": ").unwrap_or((&detail, ""));
            let mistake = in_script(script, None, message, advice);
            Problem::mistakes(detail.clone(), vec![mistake])
        }
        SubmitError::Unresolved(models) => {
            let detail = format!(
                "no engine is known for {}; start a worker that has the model, name its engine in \
                 `engines`, or set `scratch` for a timing track",
                models_with_voices(&models)
            );
            let mistakes = models.iter().map(|(model, voices)| Mistake {
                file: "cast".into(),
                line: None,
                column: None,
                message: format!("no engine is known for {model} (voices {})", voices.join(", ")),
                advice: "start a worker that has the model, or name its engine in `engines`".into(),
            });
            Problem::mistakes(detail, mistakes.collect())
        }
        SubmitError::SeveralEngines(several) => {
            let mistakes: Vec<_> = several
                .into_iter()
                .map(|(model, engines)| {
                    let engines: Vec<_> = engines.into_iter().collect();
                    Mistake {
                        file: "engines".into(),
                        line: None,
                        column: None,
                        message: format!("workers have several engines of {model}"),
                        advice: format!("choose one in `engines`: {}", engines.join(" or ")),
                    }
                })
                .collect();
            let detail = "workers have several engines of one model, which sound different; choose \
                          one for each model in `engines`";
            Problem::mistakes(detail, mistakes)
        }
        SubmitError::Recording { name, problem } => {
            let detail = format!("the recording of voice {name} {problem}");
            let mistake = Mistake {
                file: "recording".into(),
                line: None,
                column: None,
                message: detail.clone(),
                advice: "send it with the cast, a few seconds long".into(),
            };
            Problem::mistakes(detail, vec![mistake])
        }
        SubmitError::Ledger(err) => {
            error!(error = &err as &dyn std::error::Error, "ledger unusable");
            Problem::new(Kind::Internal, "what is remembered of the episode cannot be used")
        }
        SubmitError::Takes(err) => of_takes(&err),
        SubmitError::Store(err) => err.into(),
        SubmitError::Queue(err) => err.into(),
    }
}

fn of_takes(err: &TakesError) -> Problem {
    error!(error = err as &dyn std::error::Error, "decisions about takes unusable");
    Problem::new(Kind::Internal, "what was decided about the episode's takes cannot be used")
}

fn of_plan(err: PlanError, script: &str) -> Problem {
    let detail = err.to_string();
    let mistakes = match err {
        PlanError::Notes(BadNotes(problems)) => problems
            .iter()
            .map(|problem| {
                let place = (problem.place.line, problem.place.column);
                in_script(script, Some(place), &problem.message, "correct the note in the script")
            })
            .collect(),
        PlanError::Cast(CastError::Uncast(uncast)) => {
            uncast.iter().map(|one| of_uncast(one, script)).collect()
        }
        PlanError::Cast(CastError::Voice(bad)) => vec![bad.into()],
        PlanError::Language(UnspokenLanguages(unspoken)) => unspoken
            .iter()
            .map(|one| {
                let place = Some((one.first.line, one.first.column));
                in_script(script, place, &one.message(), &one.advice())
            })
            .collect(),
        PlanError::TooLong(TooLong { character, characters, place }) => {
            let message = format!("{character} speaks {characters} characters in one go");
            let place = (place.line, place.column);
            vec![in_script(script, Some(place), &message, "split the speech in two")]
        }
    };
    Problem::mistakes(detail, mistakes)
}

fn of_uncast(one: &Uncast, script: &str) -> Mistake {
    let told = one.to_string();
    let (_, advice) = told.split_once("): ").unwrap_or(("", &told));
    let message = format!("{} is not cast and has {} lines", one.character, one.lines);
    in_script(script, Some((one.first.line, one.first.column)), &message, advice)
}

fn in_script(file: &str, place: Option<(u32, u32)>, message: &str, advice: &str) -> Mistake {
    Mistake {
        file: file.to_owned(),
        line: place.map(|(line, _)| line.into()),
        column: place.map(|(_, column)| column.into()),
        message: message.to_owned(),
        advice: advice.to_owned(),
    }
}
