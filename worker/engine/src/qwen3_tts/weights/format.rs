//! What the large matrices are held in.

/// How the projections of talker and predictor are held, on a processor.
///
/// They are what a frame reads: at one line at a time a processor waits for them, not for its
/// arithmetic. Everything is computed in F32 in either format.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum WeightFormat {
    /// As released: nothing is lost.
    #[default]
    Native,
    /// Those of the layers in eight bits and a scale for 32 of a row, made when a release is opened.
    ///
    /// Embeddings, norms, the heads that codes are chosen by, and all of the codec and the speaker
    /// encoder stay as released. They are a fiftieth of what a frame reads, and quality is theirs to
    /// lose.
    Q8_0,
}

impl WeightFormat {
    /// What it is called: `native` or `q8_0`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Q8_0 => "q8_0",
        }
    }
}
