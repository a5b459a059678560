//! Where the reference starts afresh in a long line.
//!
//! It decodes blocks of 300 frames, each as if nothing had come before but 25 frames, whose samples
//! it drops. Within a block that is what decoding without end gives; across blocks it is not, as a
//! frame hears further back than 25. Samples are the reference's only if the blocks are.
//!
//! Source: `Qwen3TTSTokenizerV2Decoder.chunked_decode` at `022e286`.

use std::ops::Range;

/// Frames that are decoded together.
pub(super) const BLOCK: usize = 300;

/// Frames in front of a block, decoded for what they do to it.
pub(super) const CONTEXT: usize = 25;

/// Frames that are decoded one after the other, with nothing before them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Segment {
    /// The first frame that is decoded.
    pub start: usize,
    /// The frames whose samples are kept; `start` is never behind them.
    pub kept: Range<usize>,
}

/// Cuts `frames` into segments, whose kept frames are all of `wanted`, in order.
pub(super) fn segments(wanted: Range<usize>) -> Vec<Segment> {
    if wanted.is_empty() {
        return Vec::new();
    }
    let first = wanted.start / BLOCK * BLOCK;
    (first..wanted.end)
        .step_by(BLOCK)
        .map(|block| Segment {
            start: context(block),
            kept: block.max(wanted.start)..wanted.end.min(block + BLOCK),
        })
        .collect()
}

/// Where decoding starts for a block that begins at `block`.
fn context(block: usize) -> usize {
    if block > CONTEXT { block - CONTEXT } else { block }
}

/// How many samples the reference cuts off the front of a line that continues `reference` frames.
///
/// Not always `reference · frame_samples`: it computes a fraction first, and sometimes that comes
/// out one sample less.
///
/// Source: `Qwen3TTSModel.generate_voice_clone`, `qwen3_tts_model.py` at `022e286`.
pub(super) fn cut(reference: usize, total: usize, frame_samples: usize) -> usize {
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is the reference's arithmetic, on numbers far below 2^52"
    )]
    let cut = (reference as f64 / total.max(1) as f64 * (total * frame_samples) as f64) as usize;
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_line_is_one_segment() {
        assert_eq!(segments(0..300), [Segment { start: 0, kept: 0..300 }]);
        assert_eq!(segments(0..0), []);
    }

    #[test]
    fn later_blocks_start_25_frames_early() {
        let expected = [
            Segment { start: 0, kept: 0..300 },
            Segment { start: 275, kept: 300..600 },
            Segment { start: 575, kept: 600..612 },
        ];
        assert_eq!(segments(0..612), expected);
    }

    #[test]
    fn what_comes_after_a_reference_keeps_the_blocks_of_the_whole() {
        let expected =
            [Segment { start: 0, kept: 125..300 }, Segment { start: 275, kept: 300..310 }];
        assert_eq!(segments(125..310), expected);
        assert_eq!(segments(300..301), [Segment { start: 275, kept: 300..301 }]);
        assert_eq!(segments(310..310), []);
    }

    #[test]
    fn the_cut_is_now_and_then_a_sample_short() {
        let mut short = 0;
        for total in 1..700 {
            for reference in 1..total {
                let missing = reference * 1920 - cut(reference, total, 1920);
                assert!(missing <= 1, "{reference} of {total}");
                short += missing;
            }
        }
        assert_eq!(short, 8929);
        assert_eq!(cut(17, 23, 1920), 17 * 1920 - 1);
    }
}
