//! How keys are used: requests by secret, hour and outcome, and their callers. Requests are counted in memory, written to a
//! journal every second and rolled up into tables every few seconds. A crash loses at most the last second, and readers add
//! what is not rolled up yet.

mod model;
#[cfg(feature = "ssr")]
pub mod server;

pub use model::Outcome;
