//! One line being spoken by a program, passage by passage.

use std::collections::VecDeque;
use std::path::PathBuf;

use super::frame::Frame;
use super::program::{Call, Run};
use super::text::{Passage, for_program};
use crate::{LineError, Step};

/// A line whose passages are spoken one after the other, each by its own run of the program.
#[derive(Debug)]
pub(crate) struct ProgramLine {
    call: Call,
    folder: PathBuf,
    passages: VecDeque<Passage>,
    run: Option<Run>,
}

impl ProgramLine {
    pub(crate) fn new(call: Call, folder: PathBuf, passages: Vec<Passage>) -> Self {
        Self { call, folder, passages: passages.into(), run: None }
    }

    /// Looks at the running program, or starts it on the next passage.
    pub(crate) fn step(&mut self) -> Step<Frame> {
        let stepped = match &mut self.run {
            Some(run) => run.look(),
            None => match self.passages.pop_front() {
                None => return Step::End,
                Some(Passage::Silence(ms)) => return Step::Frame(Frame::Silence(ms)),
                Some(Passage::Speech(text)) => self.start(&text).map(|()| None),
            },
        };
        match stepped {
            Ok(None) => Step::Pending,
            Ok(Some(speech)) => {
                self.run = None;
                Step::Frame(Frame::Speech(speech))
            }
            Err(err) => Step::Failed(err),
        }
    }

    fn start(&mut self, text: &str) -> Result<(), LineError> {
        if let Some(text) = for_program(text) {
            self.run = Some(Run::start(&self.call, &self.folder, &text)?);
        }
        Ok(())
    }
}
