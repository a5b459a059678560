//! Vectors to codes: in each book the row nearest to what the books before left over.

use candle_core::{Device, Result, Tensor};
use candle_nn::VarBuilder;

use crate::qwen3_tts::Frame;
use crate::qwen3_tts::config::{CODES, CodecEncoderConfig};

/// Usage below this counts as this: a row that was never used would be divided by zero.
const LEAST_USAGE: f32 = 1e-5;

/// The one semantic book and the fifteen acoustic ones that are used.
///
/// Lives on the CPU wherever the rest does: a code depends on the codes before it and on the order
/// of equally near rows, which devices differ in, and all of it is 2 % of the work.
///
/// Letters: `T` frames, `E` width, `W` width of a book's rows, `N` its rows.
///
/// Source: `MimiSplitResidualVectorQuantizer` in `modeling_mimi.py` of transformers 4.57.3.
/// Differs: books that the codec's codes do not include are not read; distances are compared
/// without the square root and the part that is the same for every row of a book.
#[derive(Debug)]
pub(super) struct Quantizer {
    semantic: Group,
    acoustic: Group,
}

/// Books that share a projection, each over what those before it left.
#[derive(Debug)]
struct Group {
    /// `[E, W]`.
    input_proj: Tensor,
    books: Vec<Book>,
}

#[derive(Debug)]
struct Book {
    /// `[N, W]`.
    rows: Tensor,
    /// `[W, N]`: −2 times the rows, to be multiplied with.
    doubled: Tensor,
    /// `[N]`: the squared length of each row.
    lengths: Tensor,
}

impl Quantizer {
    pub(super) fn new(config: &CodecEncoderConfig, weights: &VarBuilder) -> Result<Self> {
        let weights = weights.clone().set_device(Device::Cpu);
        let group = |name: &str, books| {
            Group::new(config, books, &weights.pp(format!("{name}_residual_vector_quantizer")))
        };
        let semantic = config.num_semantic_quantizers;
        Ok(Self {
            semantic: group("semantic", semantic)?,
            acoustic: group("acoustic", CODES - semantic)?,
        })
    }

    /// # Shapes
    /// * `rows` `[T, E]`, on any device
    /// * returns `T` frames
    pub(super) fn codes(&self, rows: &Tensor) -> Result<Vec<Frame>> {
        let rows = rows.to_device(&Device::Cpu)?;
        let mut frames = vec![[0; CODES]; rows.dim(0)?];
        let columns = self.semantic.codes(&rows)?.into_iter().chain(self.acoustic.codes(&rows)?);
        for (place, column) in columns.enumerate() {
            for (frame, code) in frames.iter_mut().zip(column) {
                frame[place] = code;
            }
        }
        Ok(frames)
    }
}

impl Group {
    fn new(config: &CodecEncoderConfig, books: usize, weights: &VarBuilder) -> Result<Self> {
        let (width, row) = (config.hidden_size, config.codebook_dim);
        let input_proj = weights.pp("input_proj").get((row, width, 1), "weight")?;
        let books = (0..books)
            .map(|book| Book::new(config, &weights.pp("layers").pp(book).pp("codebook")))
            .collect::<Result<_>>()?;
        Ok(Self { input_proj: input_proj.squeeze(2)?.t()?.contiguous()?, books })
    }

    /// `[T, E]` → for each book the `T` codes.
    fn codes(&self, rows: &Tensor) -> Result<Vec<Vec<u16>>> {
        let mut left = rows.matmul(&self.input_proj)?;
        let mut columns = Vec::with_capacity(self.books.len());
        for book in &self.books {
            let codes = book.nearest(&left)?;
            let indices: Vec<u32> = codes.iter().copied().map(u32::from).collect();
            let indices = Tensor::from_vec(indices, codes.len(), &Device::Cpu)?;
            left = (left - book.rows.index_select(&indices, 0)?)?;
            columns.push(codes);
        }
        Ok(columns)
    }
}

impl Book {
    fn new(config: &CodecEncoderConfig, weights: &VarBuilder) -> Result<Self> {
        let (count, width) = (config.codebook_size, config.codebook_dim);
        let usage = weights.get(count, "cluster_usage")?.maximum(LEAST_USAGE)?;
        let rows = weights.get((count, width), "embed_sum")?.broadcast_div(&usage.unsqueeze(1)?)?;
        let doubled = (rows.t()?.contiguous()? * -2.0)?;
        let lengths = rows.sqr()?.sum(1)?;
        Ok(Self { rows, doubled, lengths })
    }

    /// `[T, W]` → the nearest row to each; of equally near ones the first.
    fn nearest(&self, vectors: &Tensor) -> Result<Vec<u16>> {
        let distances = vectors.matmul(&self.doubled)?.broadcast_add(&self.lengths)?;
        let distances = distances.flatten_all()?.to_vec1::<f32>()?;
        Ok(distances.chunks_exact(self.lengths.elem_count()).map(first_least).collect())
    }
}

/// Where the smallest number stands first.
fn first_least(numbers: &[f32]) -> u16 {
    let mut least = (0, f32::INFINITY);
    for (place, &number) in (0..).zip(numbers) {
        if number < least.1 {
            least = (place, number);
        }
    }
    least.0
}

#[cfg(test)]
impl Quantizer {
    /// How much farther than the nearest rows those are that `frame` names, at the farthest, each
    /// measured from what the frame's codes before it leave of `row`.
    ///
    /// # Shapes
    /// * `row` `[1, E]`
    pub(super) fn detour(&self, row: &Tensor, frame: &Frame) -> Result<f32> {
        let (semantic, acoustic) = frame.split_at(self.semantic.books.len());
        Ok(self.semantic.detour(row, semantic)?.max(self.acoustic.detour(row, acoustic)?))
    }
}

#[cfg(test)]
impl Group {
    fn detour(&self, row: &Tensor, codes: &[u16]) -> Result<f32> {
        let mut left = row.matmul(&self.input_proj)?;
        let mut worst = 0f32;
        for (book, &code) in self.books.iter().zip(codes) {
            let apart = book.rows.broadcast_sub(&left)?.sqr()?.sum(1)?.sqrt()?.to_vec1::<f32>()?;
            let nearest = apart.iter().copied().fold(f32::INFINITY, f32::min);
            worst = worst.max(apart[usize::from(code)] - nearest);
            left = (left - book.rows.narrow(0, code.into(), 1)?)?;
        }
        Ok(worst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_equally_near_rows_the_first_is_taken() {
        assert_eq!(first_least(&[3.0, 1.0, 2.0, 1.0]), 1);
        assert_eq!(first_least(&[-0.0, 0.0]), 0);
    }
}
