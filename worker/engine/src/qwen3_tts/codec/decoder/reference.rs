//! Whole lines, and those that continue a recording.

use std::collections::BTreeMap;

use candle_core::{DType, Device, Result, Tensor};

use super::segments::{BLOCK, CONTEXT, Segment, cut, segments};
use super::{CodecDecoder, DecoderState};
use crate::qwen3_tts::Frame;
use crate::qwen3_tts::config::CODES;

/// A voice's recording as the decoder has heard it, ready to be continued by any number of lines.
///
/// The reference decodes the recording again with every line. Nothing in the decoder looks ahead,
/// so what the recording leaves behind is the same for all of them.
#[derive(Debug, Clone)]
pub struct Reference {
    frames: Vec<Frame>,
    /// One row, after the last frame.
    state: DecoderState,
    /// The recording's last sample, decoded: now and then it is a line's first.
    last_sample: f32,
}

/// What is decoded into the samples of one line.
#[derive(Debug, Clone, Copy)]
pub struct Line<'a> {
    /// What the line continues; none of its samples are the line's.
    pub reference: Option<&'a Reference>,
    /// The line's own frames.
    pub frames: &'a [Frame],
}

/// Names in [`Reference::tensors`].
const FRAMES: &str = "frames";
const LAST_SAMPLE: &str = "last_sample";

impl Reference {
    /// The recording's frames.
    #[must_use]
    pub fn frames(&self) -> &[Frame] {
        &self.frames
    }

    /// Bytes it takes on its device.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.state.bytes()
    }

    /// All of it, named, e.g. to be written to a safetensors file.
    ///
    /// # Errors
    /// When the device is out of memory.
    pub fn tensors(&self) -> Result<BTreeMap<String, Tensor>> {
        let codes: Vec<u32> = self.frames.as_flattened().iter().copied().map(u32::from).collect();
        let codes = Tensor::from_vec(codes, (self.frames.len(), CODES), &Device::Cpu)?;
        let mut tensors = self.state.tensors()?;
        tensors.insert(FRAMES.to_owned(), codes);
        tensors.insert(LAST_SAMPLE.to_owned(), Tensor::new(&[self.last_sample], &Device::Cpu)?);
        Ok(tensors)
    }
}

impl CodecDecoder {
    /// Decodes a voice's recording once, for all lines that will continue it.
    ///
    /// # Errors
    /// On a code that is none, and when the device is out of memory.
    pub fn listen(&self, frames: &[Frame]) -> Result<Reference> {
        let mut state = self.fresh(1)?;
        let mut last_sample = 0.0;
        if let Some(Segment { start, .. }) =
            segments(frames.len().saturating_sub(1)..frames.len()).last()
        {
            let samples = self.advance(&[&frames[*start..]], &mut state)?.flatten_all()?;
            last_sample = samples.get(samples.elem_count() - 1)?.to_scalar()?;
        }
        Ok(Reference { frames: frames.to_vec(), state, last_sample })
    }

    /// The reverse of [`Reference::tensors`].
    ///
    /// # Errors
    /// When it is not one of this decoder's, and when the device is out of memory.
    pub fn recall(&self, mut tensors: BTreeMap<String, Tensor>) -> Result<Reference> {
        let mut take = |name| match tensors.remove(name) {
            Some(tensor) => Ok(tensor),
            None => candle_core::bail!("no tensor {name}"),
        };
        let codes = take(FRAMES)?.to_dtype(DType::U32)?.flatten_all()?.to_vec1::<u32>()?;
        let Ok(codes) =
            codes.into_iter().map(u16::try_from).collect::<std::result::Result<Vec<_>, _>>()
        else {
            candle_core::bail!("a code in {FRAMES} is too large")
        };
        let (frames, rest) = codes.as_chunks();
        let [last_sample] = take(LAST_SAMPLE)?.to_vec1::<f32>()?[..] else {
            candle_core::bail!("{LAST_SAMPLE} is not one number")
        };
        let state = DecoderState::from_tensors(tensors, &self.device)?;
        state.check(&self.tails)?;
        if !rest.is_empty() || state.positions() != [heard(frames.len())] {
            candle_core::bail!("{} codes are not what the state has heard", codes.len());
        }
        Ok(Reference { frames: frames.to_vec(), state, last_sample })
    }

    /// Decodes whole lines, to exactly the samples that the reference gives each of them alone.
    ///
    /// A line has as many samples as its frames, or one more if it continues a recording: the
    /// reference cuts there sometimes. On a CPU rows are decoded one by one, as the convolutions
    /// fill it anyway: a line's samples are the same to the bit in any company.
    ///
    /// # Errors
    /// On a code that is none, and when the device is out of memory.
    pub fn decode(&self, lines: &[Line<'_>]) -> Result<Vec<Vec<f32>>> {
        let together = if self.device.is_cpu() { ON_CPU } else { ON_GPU };
        self.decode_by(lines, together)
    }

    /// [`Self::decode`], so many side by side.
    pub(super) fn decode_by(
        &self,
        lines: &[Line<'_>],
        Together { rows, spare_frames }: Together,
    ) -> Result<Vec<Vec<f32>>> {
        let mut tasks: Vec<_> =
            lines.iter().enumerate().flat_map(|(line, spoken)| Task::of(line, spoken)).collect();
        let mut parts = BTreeMap::new();
        tasks.sort_by_key(|task| std::cmp::Reverse(task.frames.len()));
        for together in tasks.chunks(rows) {
            let decoded = self.side_by_side(together, spare_frames)?;
            for (task, samples) in together.iter().zip(decoded) {
                parts.insert((task.line, task.first), samples);
            }
        }
        let mut samples: Vec<_> = lines.iter().map(|line| line.lead(self.frame_samples)).collect();
        for ((line, _), part) in parts {
            samples[line].extend(part);
        }
        Ok(samples)
    }

    /// Decodes tasks, the longest first, and gives the samples that each keeps.
    fn side_by_side(&self, tasks: &[Task<'_>], spare_frames: usize) -> Result<Vec<Vec<f32>>> {
        let mut samples = vec![Vec::new(); tasks.len()];
        let mut state = self.starts(tasks)?;
        let mut start = 0;
        let mut rows = tasks.len();
        while rows > 0 {
            let end = stretch(&tasks[..rows], spare_frames);
            if end > start {
                let next: Vec<_> =
                    tasks[..rows].iter().map(|task| task.between(start, end)).collect();
                let decoded =
                    self.advance(&next, &mut state)?.t()?.contiguous()?.to_vec2::<f32>()?;
                for (samples, decoded) in samples.iter_mut().zip(decoded) {
                    samples.extend(decoded);
                }
            }
            start = end;
            rows = tasks.partition_point(|task| task.frames.len() > end);
            state.truncate(rows)?;
        }
        for (samples, task) in samples.iter_mut().zip(tasks) {
            samples.truncate(task.frames.len() * self.frame_samples);
            samples.drain(..task.dropped * self.frame_samples);
        }
        Ok(samples)
    }

    fn starts(&self, tasks: &[Task<'_>]) -> Result<DecoderState> {
        let fresh = self.fresh(1)?;
        let states: Vec<_> = tasks.iter().map(|task| task.state.unwrap_or(&fresh)).collect();
        DecoderState::stack(&states)
    }
}

/// What is decoded side by side.
#[derive(Debug, Clone, Copy)]
pub(super) struct Together {
    /// Rows, at least one; the state of each takes 5 MB.
    pub rows: usize,
    /// Frames that may be decoded behind the ends of rows, so that longer ones need not start again.
    pub spare_frames: usize,
}

/// A processor is busy with one row.
const ON_CPU: Together = Together { rows: 1, spare_frames: 0 };

/// A start costs as much as some hundred frames.
const ON_GPU: Together = Together { rows: 32, spare_frames: 512 };

/// Where to stop decoding `tasks`, the longest first, for some of them to leave: where the shortest
/// ends, or later if not more than `spare` frames are decoded in vain.
fn stretch(tasks: &[Task], spare: usize) -> usize {
    let (mut end, mut wasted) = (0, 0);
    for (over, task) in tasks.iter().rev().enumerate() {
        wasted += over * (task.frames.len() - end);
        if wasted > spare {
            break;
        }
        end = task.frames.len();
    }
    end
}

/// A segment of a line, to be decoded.
#[derive(Debug)]
struct Task<'a> {
    /// Which line.
    line: usize,
    /// The first frame that is kept.
    first: usize,
    /// What it goes on from; nothing if `None`.
    state: Option<&'a DecoderState>,
    frames: Vec<Frame>,
    /// Frames whose samples are dropped.
    dropped: usize,
}

impl<'a> Task<'a> {
    /// Its frames from `start` to `end`, as far as it has any.
    fn between(&self, start: usize, end: usize) -> &[Frame] {
        let last = self.frames.len();
        &self.frames[start.min(last)..end.min(last)]
    }

    fn of(line: usize, spoken: &Line<'a>) -> Vec<Self> {
        let heard = spoken.reference.map_or(&[][..], Reference::frames);
        let total = heard.len() + spoken.frames.len();
        segments(heard.len()..total)
            .into_iter()
            .map(|Segment { start, kept }| {
                // In the middle of a block the recording's state is what would be decoded again.
                let goes_on = kept.start == heard.len() && !heard.len().is_multiple_of(BLOCK);
                let start = if goes_on { kept.start } else { start };
                let before = heard.iter().skip(start);
                let after =
                    &spoken.frames[start.saturating_sub(heard.len())..kept.end - heard.len()];
                Self {
                    line,
                    first: kept.start,
                    state: spoken.reference.filter(|_| goes_on).map(|reference| &reference.state),
                    frames: before.chain(after).copied().collect(),
                    dropped: kept.start - start,
                }
            })
            .collect()
    }
}

impl Line<'_> {
    /// What of its recording the reference leaves in front of the line: nothing or one sample.
    fn lead(&self, frame_samples: usize) -> Vec<f32> {
        let Some(reference) = self.reference.filter(|_| !self.frames.is_empty()) else {
            return Vec::new();
        };
        let heard = reference.frames.len();
        let left = heard * frame_samples - cut(heard, heard + self.frames.len(), frame_samples);
        vec![reference.last_sample; left]
    }
}

/// Frames that a state has seen after a recording of so many: those since its block began.
fn heard(frames: usize) -> usize {
    let Some(last) = frames.checked_sub(1) else { return 0 };
    let block = last / BLOCK * BLOCK;
    frames - if block > CONTEXT { block - CONTEXT } else { block }
}
