//! Codes 1 to 15 of a frame.

use candle_core::{Result, Tensor};
use candle_nn::VarBuilder;

use super::config::{CODES, TalkerConfig};
use super::stack::{Cache, Pass, Projection, Stack, StackShape};
use super::tables::Tables;
use super::weights::WeightFormat;

/// The model of a frame's other codes, which sees nothing of other frames. Letters as in [`Stack`].
///
/// Source: `Qwen3TTSTalkerCodePredictorModelForConditionalGeneration`, Qwen3-TTS
/// `modeling_qwen3_tts.py` at `022e286`.
#[derive(Debug)]
pub(crate) struct Predictor {
    /// From the talker's width to the predictor's, where they differ.
    small_to_mtp_projection: Option<Projection>,
    stack: Stack,
    /// The one in place `i` gives code `i + 1`.
    lm_head: Vec<Projection>,
}

/// The beginning of a frame of each row, by the talker.
#[derive(Debug)]
pub(crate) struct Begun {
    /// What the talker made of all before it, normed: `[B, E]`.
    pub hidden: Tensor,
    /// What it chose: `[B]`, ids.
    pub first: Tensor,
}

/// A frame of each row.
#[derive(Debug)]
pub(crate) struct Predicted {
    /// `[B, 16]`, ids.
    pub codes: Tensor,
    /// What the frame means to the talker: `[B, E]`.
    pub embedding: Tensor,
}

/// Chooses one code of every row: which code it is, logits `[B, V]` → ids `[B]`.
pub(crate) type Choose<'a> = dyn FnMut(usize, &Tensor) -> Result<Tensor> + 'a;

impl Predictor {
    /// Loads what is under `talker.code_predictor`; the layers' matrices are held in `format`.
    pub(crate) fn load(
        config: &TalkerConfig,
        format: WeightFormat,
        vb: &VarBuilder,
    ) -> Result<Self> {
        let own = &config.code_predictor_config;
        let small_to_mtp_projection = (config.hidden_size != own.hidden_size)
            .then(|| {
                let vb = vb.pp("small_to_mtp_projection");
                Projection::biased(config.hidden_size, own.hidden_size, &vb)
            })
            .transpose()?;
        let head = |index: usize| {
            Projection::plain(own.hidden_size, own.vocab_size, &vb.pp("lm_head").pp(index))
        };
        Ok(Self {
            small_to_mtp_projection,
            stack: Stack::load(&StackShape::from(own).held_in(format), &vb.pp("model"))?,
            lm_head: (0..CODES - 1).map(head).collect::<Result<_>>()?,
        })
    }

    /// What it is made of: its layers, what is in front of them and the heads behind.
    #[cfg(feature = "cuda")]
    pub(crate) fn parts(&self) -> (&Stack, Option<&Projection>, &[Projection]) {
        (&self.stack, self.small_to_mtp_projection.as_ref(), &self.lm_head)
    }

    /// A cache for the frames of up to `rows` lines; it is written over by each frame.
    pub(crate) fn cache(&self, rows: usize) -> Cache {
        self.stack.cache(rows, CODES)
    }

    /// Completes one frame of each row.
    pub(crate) fn complete(
        &self,
        tables: &Tables,
        begun: &Begun,
        cache: &mut Cache,
        choose: &mut Choose,
    ) -> Result<Predicted> {
        let Begun { hidden, first } = begun;
        let rows = first.dim(0)?;
        let mut codes = vec![first.clone()];
        let mut embedding = tables.codec_ids(first)?;
        let mut input = Tensor::stack(&[hidden, &embedding], 1)?; // [B, 2, E]
        let mut positions = 0..2;
        for book in 1..CODES {
            let pass = Pass::even(self.stack.rope(), cache, rows, positions.clone())?;
            let logits = self.logits(book, &input, cache, &pass)?;
            let code = choose(book, &logits)?;
            let embedded = tables.code_ids(book, &code)?;
            embedding = (embedding + &embedded)?;
            codes.push(code);
            input = embedded.unsqueeze(1)?; // [B, 1, E]
            positions = positions.end..positions.end + 1;
        }
        Ok(Predicted { codes: Tensor::stack(&codes, 1)?, embedding })
    }

    /// Runs one pass and asks the head of `book`: `[B, T, E]` → `[B, V]`.
    fn logits(&self, book: usize, input: &Tensor, cache: &Cache, pass: &Pass) -> Result<Tensor> {
        let input = match &self.small_to_mtp_projection {
            Some(projection) => projection.forward(input)?,
            None => input.clone(),
        };
        let hidden = self.stack.forward(&input, cache, pass)?;
        let last = hidden.narrow(1, hidden.dim(1)? - 1, 1)?.squeeze(1)?;
        self.lm_head[book - 1].forward(&last)
    }
}
