//! Loops compiled for what this processor has.
//!
//! A program is compiled for the oldest processors there are. What counts is compiled once more for
//! each better set of instructions, as the same plain loops, and chosen when it runs.

#![expect(
    clippy::inline_always,
    reason = "what is not inlined is not compiled for the instructions"
)]

/// What is known of a set of instructions when loops are compiled for it.
pub(in crate::qwen3_tts) trait Set {
    /// Whether a product is added without being rounded first. All sets that do so give the same
    /// bits.
    const FUSED: bool;
    /// Rows of a product whose sums fit into registers together.
    const ROWS: usize;
}

/// What every processor of the architecture has.
pub(in crate::qwen3_tts) struct Plain;

/// AVX2 with fused multiply-add: 16 registers.
#[cfg(target_arch = "x86_64")]
pub(in crate::qwen3_tts) struct Avx2;

/// AVX-512 as of its first servers: 32 registers.
#[cfg(target_arch = "x86_64")]
pub(in crate::qwen3_tts) struct Avx512;

impl Set for Plain {
    /// On x86 the first processors have no instruction for it, and doing without one is slow.
    const FUSED: bool = cfg!(target_arch = "aarch64");
    const ROWS: usize = 2;
}

#[cfg(target_arch = "x86_64")]
impl Set for Avx2 {
    const FUSED: bool = true;
    const ROWS: usize = 2;
}

#[cfg(target_arch = "x86_64")]
impl Set for Avx512 {
    const FUSED: bool = true;
    const ROWS: usize = 12;
}

/// Something to compile for every set of instructions.
pub(in crate::qwen3_tts) trait Work {
    /// Does it. Only what is inlined into this is compiled for the set.
    fn run<S: Set>(self);
}

/// A set of instructions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::qwen3_tts) enum Instructions {
    /// [`Plain`].
    Plain,
    /// [`Avx2`].
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// [`Avx512`].
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Instructions {
    /// The best that this processor has.
    pub(in crate::qwen3_tts) fn best() -> Self {
        Self::all().last().copied().unwrap_or(Self::Plain)
    }

    /// All that this processor has, the best last.
    pub(in crate::qwen3_tts) fn all() -> &'static [Self] {
        #[cfg(target_arch = "x86_64")]
        {
            let has_avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
            let has_avx512 = is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512vl");
            match (has_avx2, has_avx512) {
                (true, true) => &[Self::Plain, Self::Avx2, Self::Avx512],
                (true, false) => &[Self::Plain, Self::Avx2],
                (false, _) => &[Self::Plain],
            }
        }
        #[cfg(not(target_arch = "x86_64"))]
        &[Self::Plain]
    }

    /// [`Set::FUSED`].
    #[cfg(test)]
    pub(super) fn are_fused(self) -> bool {
        match self {
            Self::Plain => Plain::FUSED,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => Avx2::FUSED,
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => Avx512::FUSED,
        }
    }

    /// Does `work` with these instructions.
    pub(in crate::qwen3_tts) fn run<W: Work>(self, work: W) {
        match self {
            Self::Plain => work.run::<Plain>(),
            #[cfg(target_arch = "x86_64")]
            #[expect(unsafe_code, reason = "the compiler cannot know what processor it will be")]
            // SAFETY: `all` gives these only where the processor says that it has them.
            Self::Avx2 => unsafe { with_avx2(work) },
            #[cfg(target_arch = "x86_64")]
            #[expect(unsafe_code, reason = "the compiler cannot know what processor it will be")]
            // SAFETY: as above.
            Self::Avx512 => unsafe { with_avx512(work) },
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn with_avx2<W: Work>(work: W) {
    work.run::<Avx2>();
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
fn with_avx512<W: Work>(work: W) {
    work.run::<Avx512>();
}

/// `sum + a·b`, rounded once where instructions fuse.
#[inline(always)]
pub(in crate::qwen3_tts) fn plus_product<S: Set>(sum: f32, a: f32, b: f32) -> f32 {
    if S::FUSED { a.mul_add(b, sum) } else { sum + a * b }
}
