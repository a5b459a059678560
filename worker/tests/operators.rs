//! What whoever looks after a farm relies on: workers that say how they are and do as they are told, and
//! outages of the store that cost nothing but time.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod episode;
#[path = "operators/orders.rs"]
mod orders;
#[path = "operators/outages.rs"]
mod outages;
#[expect(dead_code, reason = "shared with other tests, which use more of it")]
mod stage;
