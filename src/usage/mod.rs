//! How keys are used: requests by secret, hour and outcome, and who made them. Counting happens in memory and never
//! waits; about once a second what was counted is written down, and now and then added up. A crash loses at most that second,
//! and readers lay over what is not yet added up.

mod model;
#[cfg(feature = "ssr")]
pub mod server;

pub use model::Outcome;
