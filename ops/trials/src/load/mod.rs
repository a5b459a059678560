//! What the farm itself costs, with speakers that sleep as a GPU would or do nothing at all.
//!
//! Three measurements, each a ratio or a rate of one run: lines through the queue from one process,
//! how much faster more workers are, and many workers that ask one queue at once.

mod crowd;
mod rates;
mod scaling;

use serde::Serialize;

pub use self::crowd::{Crowd, crowd};
pub use self::rates::{Rates, rates};
pub use self::scaling::{Scaling, scaling};

/// All that was measured.
#[derive(Debug, Clone, Serialize)]
pub struct Load {
    /// One process, no audio.
    pub rates: Rates,
    /// One worker to many.
    pub scaling: Vec<Scaling>,
    /// Many that ask at once.
    pub crowd: Crowd,
}

/// The value that `share` of the values (0 to 1) are not above; 0 of none.
fn quantile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "an index within the values"
    )]
    let at = ((values.len().saturating_sub(1)) as f64 * share).round() as usize;
    values.get(at).copied().unwrap_or(0.0)
}
