//! Pieces of a scratch line on their way from the synthesiser to its audio.

/// A piece of a line.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Frame {
    /// The next samples of the passage being spoken.
    Speech(Speech),
    /// Silence between two passages, in milliseconds.
    Silence(u32),
}

/// Samples as a synthesiser gives them.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Speech {
    /// 16 bits, one channel.
    pub(crate) samples: Vec<i16>,
    /// Samples a second; the same throughout a line.
    pub(crate) rate_hz: u32,
}
