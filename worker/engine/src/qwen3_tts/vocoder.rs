//! Frames to samples behind the engine's seam.

use std::sync::Arc;

use super::codec::decoder::{CodecDecoder, Line};
use super::ready::{RATE_HZ, ReadyVoice};
use super::{Frame, device_failed};
use crate::{DeviceError, LineError, Samples, Utterance, Vocoder};

/// The half of the codec that speaks, for lines of voices made ready. Cheap to clone.
#[derive(Debug, Clone)]
pub struct QwenVocoder {
    decoder: Arc<CodecDecoder>,
    batch: usize,
}

/// Lines that an accelerator decodes together.
const BATCH: usize = 8;

/// Turns, of 80 ms of every line each, that a line may wait for others to be decoded with.
const PATIENCE: u32 = 12;

impl QwenVocoder {
    /// `is_cpu`: a processor is busy with one line, and others would only wait.
    pub(crate) fn new(decoder: Arc<CodecDecoder>, is_cpu: bool) -> Self {
        Self { decoder, batch: if is_cpu { 1 } else { BATCH } }
    }

    /// What decodes.
    pub(crate) fn decoder(&self) -> &CodecDecoder {
        &self.decoder
    }
}

impl Vocoder for QwenVocoder {
    type Frame = Frame;
    type Prompt = ReadyVoice;

    fn rate_hz(&self) -> u32 {
        RATE_HZ
    }

    fn batch(&self) -> usize {
        self.batch
    }

    fn patience(&self) -> u32 {
        if self.batch == 1 { 0 } else { PATIENCE }
    }

    fn decode(
        &self,
        lines: &[Utterance<'_, Frame, ReadyVoice>],
    ) -> Result<Vec<Result<Samples, LineError>>, DeviceError> {
        let lines: Vec<_> = lines
            .iter()
            .map(|line| Line { reference: line.prompt.heard(), frames: line.frames })
            .collect();
        let decoded = self.decoder.decode(&lines).map_err(device_failed)?;
        let checked = |samples: Vec<f32>| {
            if samples.iter().all(|sample| sample.is_finite()) {
                return Ok(Samples { samples, rate_hz: RATE_HZ });
            }
            Err(LineError::Failed("the decoder gave samples that are no numbers".to_owned()))
        };
        Ok(decoded.into_iter().map(checked).collect())
    }
}
