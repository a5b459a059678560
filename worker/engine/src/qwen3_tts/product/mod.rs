//! Matrix products on a processor, a row's bits the same whatever comes with it.
//!
//! A general product sums in another order for another number of rows, and so a line would feel
//! how many others are spoken with it. Here every output of every row is one chain of fused
//! multiply-adds over the inputs, in their order; what is blocked, shared by threads or computed in
//! vectors are the rows and the outputs. So any number of rows takes the way that is fastest for it.
//!
//! Bits are the same in every batch on a machine, and on all with fused multiply-add, for a product
//! alone; other operations of a model may differ from processor to processor.

mod instructions;
mod kernel;
mod matrix;
mod packed;
mod rows;

use candle_core::{CpuStorage, CustomOp1, CustomOp2, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

use kernel::{Held, Multiplied, PANEL};
use packed::{Packed, Panels};
use rows::{Onto, Rows, Target};

pub(super) use instructions::{Instructions, Set, Work, plus_product};
pub(super) use matrix::Matrix;

/// Rows that one thread takes at a time where there are many: a multiple of what the loops take at
/// once, and enough to be worth reading the weights for.
const MANY: usize = 48;

impl Packed {
    /// Multiplies the rows of a matrix.
    ///
    /// # Shapes
    /// * `x` `[N, I]`, F32 on the CPU
    /// * returns `[N, O]`
    ///
    /// # Errors
    /// On another width, type or device.
    pub(super) fn multiply(&self, x: &Tensor) -> Result<Tensor> {
        let windows = Windows { count: x.dim(0)?, stride: 1, taps: 1, dilation: 1 };
        self.convolve(x, windows)
    }

    /// Multiplies windows of the rows of a matrix.
    ///
    /// # Shapes
    /// * `x` `[T, C]`, F32 on the CPU; `C · taps` is `I`
    /// * returns `[windows.count, O]`
    ///
    /// # Errors
    /// On another width, type or device, and on windows that reach beyond the last row.
    pub(super) fn convolve(&self, x: &Tensor, windows: Windows) -> Result<Tensor> {
        x.contiguous()?.apply_op1_no_bwd(&Product { packed: self, windows })
    }

    /// [`Self::convolve`], added to `onto`, `[windows.count, O]`.
    ///
    /// # Errors
    /// As there, and when `onto` has another shape, type or device.
    pub(super) fn convolve_onto(
        &self,
        onto: &Tensor,
        x: &Tensor,
        windows: Windows,
    ) -> Result<Tensor> {
        let product = Product { packed: self, windows };
        x.contiguous()?.apply_op2_no_bwd(&onto.contiguous()?, &product)
    }
}

/// Which rows are multiplied together: for every row of the product, `taps` that are `dilation`
/// rows apart.
#[derive(Debug, Clone, Copy)]
pub(super) struct Windows {
    /// Rows of the product.
    pub count: usize,
    /// Rows from one window's first to the next one's.
    pub stride: usize,
    /// Rows of a window.
    pub taps: usize,
    /// Rows from one of a window to its next.
    pub dilation: usize,
}

struct Product<'a> {
    packed: &'a Packed,
    windows: Windows,
}

impl CustomOp1 for Product<'_> {
    fn name(&self) -> &'static str {
        "packed product"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        self.compute(storage, layout, None)
    }
}

impl CustomOp2 for Product<'_> {
    fn name(&self) -> &'static str {
        "packed product onto"
    }

    fn cpu_fwd(
        &self,
        storage: &CpuStorage,
        layout: &Layout,
        onto: &CpuStorage,
        onto_at: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let shape = (self.windows.count, self.packed.outputs);
        if onto_at.shape().dims2()? != shape {
            candle_core::bail!("a product {shape:?} onto {:?}", onto_at.shape());
        }
        self.compute(storage, layout, Some(numbers(onto, onto_at)?))
    }
}

impl Product<'_> {
    fn compute(
        &self,
        storage: &CpuStorage,
        layout: &Layout,
        onto: Option<&[f32]>,
    ) -> Result<(CpuStorage, Shape)> {
        let (_, channels) = layout.shape().dims2()?;
        let Windows { count, stride, taps, dilation } = self.windows;
        let Packed { inputs, outputs, .. } = *self.packed;
        if taps * channels != inputs {
            candle_core::bail!("{taps} times {channels} inputs, not {inputs}");
        }
        let rows = Rows {
            numbers: numbers(storage, layout)?,
            count,
            stride: stride * channels,
            // Neighbouring rows are one stretch.
            taps: if dilation == 1 { 1 } else { taps },
            tap_stride: dilation * channels,
            width: if dilation == 1 { taps * channels } else { channels },
        };
        if rows.reach() > rows.numbers.len() {
            candle_core::bail!("{:?} reach beyond {:?}", self.windows, layout.shape());
        }
        let product = self.packed.product(&rows, onto);
        Ok((CpuStorage::F32(product), Shape::from((count, outputs))))
    }
}

/// A tensor's numbers.
fn numbers<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    match (layout.contiguous_offsets(), storage) {
        (Some((start, end)), CpuStorage::F32(numbers)) => Ok(&numbers[start..end]),
        _ => candle_core::bail!("a product of numbers that are no F32 or are not contiguous"),
    }
}

impl Packed {
    /// `[rows.count, O]`, added to as many numbers if there are any.
    fn product(&self, rows: &Rows, onto: Option<&[f32]>) -> Vec<f32> {
        self.product_with(Instructions::best(), rows, onto)
    }

    fn product_with(
        &self,
        instructions: Instructions,
        rows: &Rows,
        onto: Option<&[f32]>,
    ) -> Vec<f32> {
        match &self.panels {
            Panels::F32(panels) => self.shared(instructions, panels, rows, onto),
            Panels::Bf16(panels) => self.shared(instructions, panels, rows, onto),
            Panels::Q8(panels) => self.shared(instructions, panels, rows, onto),
        }
    }

    /// Lets threads share the rows where there are many, and the outputs where there are few.
    fn shared<W: Held>(
        &self,
        instructions: Instructions,
        held: &[W],
        rows: &Rows,
        onto: Option<&[f32]>,
    ) -> Vec<f32> {
        if rows.count >= 2 * MANY {
            self.by_rows(instructions, held, rows, onto)
        } else {
            self.by_panels(instructions, held, rows, onto)
        }
    }

    fn by_rows<W: Held>(
        &self,
        instructions: Instructions,
        held: &[W],
        rows: &Rows,
        onto: Option<&[f32]>,
    ) -> Vec<f32> {
        let stride = self.outputs;
        let mut product = vec![0.0; rows.count * stride];
        product.par_chunks_mut(MANY * stride).enumerate().for_each(|(part, numbers)| {
            let rows = rows.part(part * MANY, numbers.len() / stride);
            let onto = onto.map(|numbers| &numbers[part * MANY * stride..]);
            for (index, panel) in held.chunks(self.panel_length(held)).enumerate() {
                let first = index * PANEL;
                let outputs = PANEL.min(stride - first);
                let bias = self.bias(first, outputs);
                let onto = onto.map(|numbers| Onto { numbers, stride, first });
                let mut target =
                    Target { numbers: &mut *numbers, stride, first, outputs, bias, onto };
                instructions.run(Multiplied { panel, rows, target: &mut target });
            }
        });
        product
    }

    fn by_panels<W: Held>(
        &self,
        instructions: Instructions,
        held: &[W],
        rows: &Rows,
        onto: Option<&[f32]>,
    ) -> Vec<f32> {
        let mut apart = vec![0.0; rows.count * self.outputs];
        let panels = held.par_chunks(self.panel_length(held)).enumerate();
        apart.par_chunks_mut(rows.count.max(1) * PANEL).zip(panels).for_each(
            |(numbers, (index, panel))| {
                let (outputs, first) = (numbers.len() / rows.count, index * PANEL);
                let bias = self.bias(first, outputs);
                let onto = onto.map(|numbers| Onto { numbers, stride: self.outputs, first });
                let mut target = Target { numbers, stride: outputs, first: 0, outputs, bias, onto };
                instructions.run(Multiplied { panel, rows: *rows, target: &mut target });
            },
        );
        if rows.count <= 1 {
            return apart;
        }
        let mut product = vec![0.0; apart.len()];
        for (index, panel) in apart.chunks(rows.count * PANEL).enumerate() {
            let outputs = panel.len() / rows.count;
            let targets = product.chunks_mut(self.outputs);
            for (target, row) in targets.zip(panel.chunks(outputs)) {
                target[index * PANEL..][..outputs].copy_from_slice(row);
            }
        }
        product
    }

    fn panel_length<W: Held>(&self, held: &[W]) -> usize {
        (held.len() / self.outputs.div_ceil(PANEL)).max(1)
    }

    fn bias(&self, first: usize, outputs: usize) -> Option<&[f32]> {
        self.bias.as_ref().map(|bias| &bias[first..first + outputs])
    }
}

#[cfg(test)]
mod tests;
