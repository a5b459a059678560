//! One frame of every line: talker's choice, predictor, talker's step.

use candle_core::{DType, Device, Result, Tensor};

use super::choose::{Carry, Choose, LARGEST_VOCABULARY};
use super::kernels::{GENERATION, Kernels};
use super::memory::{Address, Memory, NOWHERE};
use super::product::{Matrix, Then, small, tiles};
use super::stack::{FusedStack, LayerKeys, Scratch, Span, keep, matrix};
use crate::qwen3_tts::config::CODES;
use crate::qwen3_tts::predictor::Predictor;
use crate::qwen3_tts::sampling::Controls;
use crate::qwen3_tts::tables::Tables;
use crate::qwen3_tts::talker::Talker;

/// Talker and predictor as kernels see them: addresses of the generic path's own weights.
pub(in crate::qwen3_tts) struct FrameKernels {
    pub(super) kernels: Kernels,
    pub(super) dtype: DType,
    pub(super) talker: FusedStack,
    pub(super) predictor: FusedStack,
    codec_head: Matrix,
    /// From the talker's width to the predictor's, where they differ.
    small_to_mtp_projection: Option<Matrix>,
    /// The one in place `i` gives code `i + 1`.
    lm_head: Vec<Matrix>,
    /// What code `i` means to the talker.
    meanings: Vec<Address>,
    /// What the same means to the predictor, projected once and for all.
    inputs: Vec<Address>,
    controls: Controls,
    /// Ids of the talker; codes of the predictor.
    pub(super) vocabulary: usize,
    codes: usize,
    /// What the addresses are of.
    _weights: Vec<Tensor>,
}

impl std::fmt::Debug for FrameKernels {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FrameKernels").field("dtype", &self.dtype).finish_non_exhaustive()
    }
}

/// Everything that changes while a batch is spoken, by its address.
pub(super) struct Places<'a> {
    /// Lines of the batch, those in which nobody is included.
    pub lines: usize,
    /// `Row`s, `[lines]`.
    pub rows: Address,
    /// `[lines, 16]`: what is chosen.
    pub codes: Address,
    /// What the talker made of each line, `[slots, E]`.
    pub kept: Address,
    /// Ids that each line has, a bit each, `[slots, seen_words]`.
    pub seen: Address,
    /// The talker's keys and values, by layer.
    pub keys: &'a [LayerKeys],
    pub capacity: usize,
    pub desk: &'a Desk,
}

/// What a frame needs room for, whoever is in it.
pub(super) struct Desk {
    pub(super) talker: Scratch,
    pub(super) predictor: Scratch,
    /// F32, of talker or predictor.
    logits: Memory,
    /// `[lines, E]`.
    hidden: Memory,
    /// `[lines, E]` of the predictor.
    before: Memory,
    /// F32, `[lines, E]`: what the frame means so far.
    meaning: Memory,
    _predictor_memory: Memory,
    predictor_keys: Vec<LayerKeys>,
}

#[cfg(test)]
impl Desk {
    /// Somewhere to take the predictor's first input from.
    pub(super) fn hidden_address(&self) -> Address {
        self.hidden.address()
    }
}

/// Words of 32 ids.
pub(super) fn words(vocabulary: usize) -> usize {
    vocabulary.div_ceil(32)
}

impl FrameKernels {
    /// Loads the kernels and takes the weights' addresses; `None` if the device is too old or a
    /// size is not what kernels are for.
    ///
    /// # Errors
    /// When the device fails.
    pub(in crate::qwen3_tts) fn of(
        (tables, talker, predictor): (&Tables, &Talker, &Predictor),
        controls: Controls,
        device: &Device,
    ) -> Result<Option<Self>> {
        let Device::Cuda(cuda) = device else { return Ok(None) };
        let generation = cuda.cuda_stream().context().compute_capability();
        if generation.map_err(candle_core::Error::wrap)? < GENERATION {
            return Ok(None);
        }
        let (stack, codec_head) = talker.parts();
        let (predictor_stack, projection, heads) = predictor.parts();
        let (Some(talker), Some(predictor)) =
            (FusedStack::of(stack, device)?, FusedStack::of(predictor_stack, device)?)
        else {
            return Ok(None);
        };
        // SAFETY: all there is on this device goes through its one stream, and a graph cannot be
        // recorded while memory is watched for others.
        unsafe { cuda.disable_event_tracking() };
        let mut kept = Vec::new();
        let codec_head = matrix(codec_head, &mut kept)?;
        let lm_head: Vec<_> =
            heads.iter().map(|head| matrix(head, &mut kept)).collect::<Result<_>>()?;
        let (vocabulary, codes) = (codec_head.outputs, lm_head[0].outputs);
        if vocabulary.max(codes) > LARGEST_VOCABULARY {
            return Ok(None);
        }
        let (mut meanings, mut inputs) = (Vec::new(), Vec::new());
        for table in tables.codes() {
            meanings.push(keep(table, &mut kept)?);
            inputs.push(match projection {
                Some(projection) => keep(&projection.forward(table)?, &mut kept)?,
                None => keep(table, &mut kept)?,
            });
        }
        let dtype = tables.codes().next().map_or(DType::F32, Tensor::dtype);
        Ok(Some(Self {
            kernels: Kernels::load(cuda, dtype)?,
            dtype,
            talker,
            predictor,
            codec_head,
            small_to_mtp_projection: projection
                .map(|projection| matrix(projection, &mut kept))
                .transpose()?,
            lm_head,
            meanings,
            inputs,
            controls,
            vocabulary,
            codes,
            _weights: kept,
        }))
    }

    /// Room for frames of up to `lines` lines.
    pub(super) fn desk(&self, device: &Device, lines: usize) -> Result<Desk> {
        let cuda = device.as_cuda_device()?;
        let bytes = self.dtype.size_in_bytes();
        let talker = self.talker.scratch(cuda, lines, self.dtype)?;
        let predictor = self.predictor.scratch(cuda, 2 * lines, self.dtype)?;
        let FusedStack { kv_heads, head_width, .. } = self.predictor;
        let part = lines * kv_heads * CODES * head_width;
        let memory = Memory::new(cuda, 2 * self.predictor.depth() * part, bytes)?;
        let at = |place: usize| memory.address() + (place * part * bytes) as u64;
        let predictor_keys = (0..self.predictor.depth())
            .map(|layer| LayerKeys { keys: at(2 * layer), values: at(2 * layer + 1) })
            .collect();
        Ok(Desk {
            logits: Memory::new(cuda, lines * self.vocabulary.max(2 * self.codes), 4)?,
            hidden: Memory::new(cuda, lines * self.talker.width, bytes)?,
            before: Memory::new(cuda, lines * self.predictor.width, bytes)?,
            meaning: Memory::new(cuda, lines * self.talker.width, 4)?,
            talker,
            predictor,
            _predictor_memory: memory,
            predictor_keys,
        })
    }

    /// Launches all kernels of one frame.
    ///
    /// # Safety
    /// The places are as large as they say and live until the kernels have run; slots of the rows
    /// are below those of `kept`, `seen` and the keys, and their lengths below the capacity.
    pub(super) unsafe fn launch(&self, places: &Places) -> Result<()> {
        let desk = places.desk;
        let hidden = desk.hidden.address();
        let (logits, lines) = (desk.logits.address(), places.lines);
        let carry = |rows_of_batch, squares, width_tiles| Carry {
            kept: places.kept,
            rows_of_batch,
            squares,
            rows: places.rows,
            width: small(self.talker.width),
            square_tiles: small(width_tiles),
            eps: self.talker.eps,
        };
        // SAFETY: weights have the sizes their tensors have and live in here, the desk has room for
        // the places' lines by construction; the rest is the caller's.
        unsafe {
            self.kernels.carry(&self.kernels.fetch, &carry(hidden, NOWHERE, 0), lines)?;
            let head = self.codec_head.product(hidden, lines, Then::Logits, logits);
            self.kernels.product(&head)?;
            let before = match &self.small_to_mtp_projection {
                Some(matrix) => {
                    let before = desk.before.address();
                    self.kernels.product(&matrix.product(hidden, lines, Then::Store, before))?;
                    before
                }
                None => hidden,
            };
            self.kernels.choose(&self.choice(places, 0, before), lines)?;
            for book in 1..CODES {
                self.predict(places, book)?;
                self.kernels.choose(&self.choice(places, book, NOWHERE), lines)?;
            }
            let span = Span {
                lines,
                tokens: 1,
                rows: places.rows,
                position: 0,
                keys: places.keys,
                capacity: places.capacity,
            };
            self.talker.launch(&self.kernels, &desk.talker, &span)?;
            let (ready, squares) = (desk.talker.ready.address(), desk.talker.squares.address());
            let done = carry(ready, squares, tiles(self.talker.width));
            self.kernels.carry(&self.kernels.keep, &done, lines)
        }
    }

    /// One pass of the predictor, to the logits of code `book`.
    ///
    /// # Safety
    /// As for [`Self::launch`].
    pub(super) unsafe fn predict(&self, places: &Places, book: usize) -> Result<()> {
        let desk = places.desk;
        let (tokens, position) = if book == 1 { (2, 0) } else { (1, book) };
        let span = Span {
            lines: places.lines,
            tokens,
            rows: NOWHERE,
            position,
            keys: &desk.predictor_keys,
            capacity: CODES,
        };
        let (ready, logits) = (desk.predictor.ready.address(), desk.logits.address());
        let rows = places.lines * tokens;
        let head = self.lm_head[book - 1].product(ready, rows, Then::Logits, logits);
        // SAFETY: as for the whole frame.
        unsafe {
            self.predictor.launch(&self.kernels, &desk.predictor, &span)?;
            self.kernels.product(&self.predictor.normed(head, &desk.predictor))
        }
    }

    /// The choice of code `book`, and what comes next.
    pub(super) fn choice(&self, places: &Places, book: usize, before: Address) -> Choose {
        let desk = places.desk;
        let is_last = book + 1 == CODES;
        let (next, scratch) =
            if is_last { (&self.talker, &desk.talker) } else { (&self.predictor, &desk.predictor) };
        Choose {
            logits: desk.logits.address(),
            rows: places.rows,
            codes: places.codes,
            seen: places.seen,
            meanings: self.meanings[book],
            meaning: desk.meaning.address(),
            inputs: if is_last { NOWHERE } else { self.inputs[book] },
            before,
            sum: scratch.sum.address(),
            ready: scratch.ready.address(),
            next_norm: next.first_norm(),
            next_squares: scratch.squares.address(),
            book: small(book),
            tokens: if book == 1 { 2 } else { 1 },
            vocabulary: small(if book == 0 { self.vocabulary } else { self.codes }),
            wide: small(self.talker.width),
            width: small(next.width),
            seen_words: small(words(self.vocabulary)),
            square_tiles: small(tiles(next.width)),
            first_control: small(self.controls.first),
            end: small(self.controls.end),
            fewest: small(crate::qwen3_tts::sampling::MIN_TOKENS),
        }
    }

    /// Kernels of a frame.
    #[cfg(test)]
    pub(super) fn launches(&self) -> usize {
        let predictor = (CODES - 1) * (self.predictor.launches() + 2);
        let start = 3 + usize::from(self.small_to_mtp_projection.is_some());
        start + predictor + self.talker.launches() + 1
    }
}
