//! Speaks with a program: espeak-ng or the `say` of macOS.
//!
//! Text goes in by a file and audio comes out by one, both in the private folder; nothing passes
//! through a shell. The engine has no clock, so a program is bounded by what it writes and by how
//! often it was asked for and had nothing new, and it is killed when its line is not wanted any more.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use super::frame::Speech;
use super::pico::create_new;
use crate::LineError;

/// How long one look at a running program may wait for it to end.
const LOOK: Duration = Duration::from_millis(5);

/// Looks without a new byte after which a program counts as hung: a minute, in the usual case.
const IDLE_LOOKS: u32 = 12_000;

/// Bytes it may write for one passage: a quarter of an hour at 48 kHz.
const LARGEST_BYTES: u64 = 100 << 20;

/// How one passage is to be spoken by a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) program: PathBuf,
    /// Before the files.
    pub(crate) arguments: Vec<String>,
    /// Put before the text: the program's own commands.
    pub(crate) prefix: String,
    /// Names the text to be read; its value follows.
    pub(crate) input_flag: &'static str,
    /// Names the audio to be written; its value follows.
    pub(crate) output_flag: &'static str,
}

/// A program at work. Dropping it kills the program and removes its files.
#[derive(Debug)]
pub(crate) struct Run {
    name: String,
    child: Child,
    input: PathBuf,
    output: PathBuf,
    messages: PathBuf,
    written_bytes: u64,
    idle_looks: u32,
}

impl Run {
    /// Starts a program that speaks `text` into a file in `folder`.
    ///
    /// # Errors
    /// [`LineError::Voice`] when the program cannot be started, [`LineError::Failed`] when its files
    /// cannot be written.
    pub(crate) fn start(call: &Call, folder: &Path, text: &str) -> Result<Self, LineError> {
        let unwritable = |err: std::io::Error| {
            LineError::Failed(format!("cannot write to `{}`: {err}", folder.display()))
        };
        fs::create_dir_all(folder).map_err(unwritable)?;
        let (input, mut file) = create_new(folder, "line.txt").map_err(unwritable)?;
        file.write_all(format!("{}{text}", call.prefix).as_bytes()).map_err(unwritable)?;
        let output = input.with_extension("wav");
        let messages = input.with_extension("log");
        let log = File::create(&messages).map_err(unwritable)?;
        let name = call.program.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let child = Command::new(&call.program)
            .args(&call.arguments)
            .args([call.input_flag.as_ref(), input.as_os_str()])
            .args([call.output_flag.as_ref(), output.as_os_str()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .map_err(|err| {
                remove([&input, &messages]);
                let program = call.program.display();
                LineError::Voice(format!("cannot start `{program}`: {err}"))
            })?;
        Ok(Self { name, child, input, output, messages, written_bytes: 0, idle_looks: 0 })
    }

    /// Looks whether the program is done, waiting for it a moment: the passage if it is.
    ///
    /// # Errors
    /// When it failed, hangs or writes without end.
    pub(crate) fn look(&mut self) -> Result<Option<Speech>, LineError> {
        if let Some(status) = self.status()? {
            return self.read(status).map(Some);
        }
        std::thread::park_timeout(LOOK);
        let bytes = fs::metadata(&self.output).map_or(0, |file| file.len());
        if bytes > LARGEST_BYTES {
            let name = &self.name;
            return Err(LineError::Text(format!("{name} writes without end; reword the line")));
        }
        self.idle_looks = if bytes == self.written_bytes { self.idle_looks + 1 } else { 0 };
        self.written_bytes = bytes;
        if self.idle_looks > IDLE_LOOKS {
            let name = &self.name;
            return Err(LineError::Failed(format!("{name} hangs; it was stopped")));
        }
        Ok(None)
    }

    fn status(&mut self) -> Result<Option<ExitStatus>, LineError> {
        let name = &self.name;
        self.child
            .try_wait()
            .map_err(|err| LineError::Failed(format!("{name} cannot be waited for: {err}")))
    }

    fn read(&self, status: ExitStatus) -> Result<Speech, LineError> {
        let name = &self.name;
        if !status.success() {
            let said = fs::read_to_string(&self.messages).unwrap_or_default();
            let said: String = said.lines().last().unwrap_or_default().chars().take(200).collect();
            return Err(LineError::Voice(format!("{name} refuses ({status}): {said}")));
        }
        let unreadable = |err: hound::Error| {
            LineError::Failed(format!("{name} wrote no audio that can be read: {err}"))
        };
        let mut wav = hound::WavReader::open(&self.output).map_err(unreadable)?;
        let spec = wav.spec();
        if (spec.channels, spec.bits_per_sample) != (1, 16) {
            let (channels, bits) = (spec.channels, spec.bits_per_sample);
            return Err(LineError::Failed(format!(
                "{name} wrote {channels} channels of {bits} bits where 1 of 16 was due"
            )));
        }
        let samples = wav.samples().collect::<Result<_, _>>().map_err(unreadable)?;
        Ok(Speech { samples, rate_hz: spec.sample_rate })
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        // Both fail only for a program that has ended and been waited for.
        self.child.kill().ok();
        self.child.wait().ok();
        remove([&self.input, &self.output, &self.messages]);
    }
}

fn remove<const N: usize>(files: [&PathBuf; N]) {
    for file in files {
        // What is left behind is a few bytes in a private folder.
        fs::remove_file(file).ok();
    }
}
