//! What is multiplied and where the product goes.

#![expect(
    clippy::inline_always,
    reason = "what is not inlined is not compiled for the instructions"
)]

/// Rows of numbers, one for each row of the product, which may share numbers.
///
/// A row is `taps` stretches of `width` numbers, so a convolution's windows are rows that nobody
/// has to copy together.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rows<'a> {
    pub numbers: &'a [f32],
    /// Rows.
    pub count: usize,
    /// Numbers from the beginning of a row to that of the next.
    pub stride: usize,
    /// Stretches of a row.
    pub taps: usize,
    /// Numbers from the beginning of a stretch to that of the row's next.
    pub tap_stride: usize,
    /// Numbers of a stretch.
    pub width: usize,
}

impl<'a> Rows<'a> {
    /// One stretch of a row.
    #[inline(always)]
    pub(super) fn at(&self, row: usize, tap: usize) -> &'a [f32] {
        let first = row * self.stride + tap * self.tap_stride;
        &self.numbers[first..first + self.width]
    }

    /// Some of the rows.
    pub(super) fn part(&self, first: usize, count: usize) -> Self {
        Self { numbers: &self.numbers[first * self.stride..], count, ..*self }
    }

    /// Numbers that there have to be.
    pub(super) fn reach(&self) -> usize {
        match self.count.checked_sub(1) {
            Some(last) => last * self.stride + (self.taps - 1) * self.tap_stride + self.width,
            None => 0,
        }
    }
}

/// Where a panel's outputs go, row by row.
#[derive(Debug)]
pub(super) struct Target<'a> {
    pub numbers: &'a mut [f32],
    /// Numbers from a row to the next.
    pub stride: usize,
    /// Where in a row the panel's outputs begin.
    pub first: usize,
    /// How many of them there are.
    pub outputs: usize,
    /// What is added to each of them.
    pub bias: Option<&'a [f32]>,
    /// What they are added to, laid out as `numbers` would be if it held all outputs of the rows.
    pub onto: Option<Onto<'a>>,
}

/// Numbers that a product is added to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Onto<'a> {
    pub numbers: &'a [f32],
    /// Numbers from a row to the next.
    pub stride: usize,
    /// Where in a row the panel's begin.
    pub first: usize,
}

impl Target<'_> {
    /// Takes one row's sums, of which the first are outputs.
    #[inline(always)]
    pub(super) fn put(&mut self, row: usize, sums: &[f32]) {
        let start = row * self.stride + self.first;
        let target = &mut self.numbers[start..start + self.outputs];
        match self.bias {
            None => target.copy_from_slice(&sums[..target.len()]),
            Some(bias) => {
                for ((target, sum), bias) in target.iter_mut().zip(sums).zip(bias) {
                    *target = sum + bias;
                }
            }
        }
        if let Some(Onto { numbers, stride, first }) = self.onto {
            let numbers = &numbers[row * stride + first..][..target.len()];
            for (target, number) in target.iter_mut().zip(numbers) {
                *target += number;
            }
        }
    }
}
