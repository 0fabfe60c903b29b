//! Webhooks: an organization registers endpoints that receive events, as the specification *Standard Webhooks* describes. An
//! event is written in the transaction of its change and delivered at least once, in order for each key.

mod model;

#[cfg(feature = "ssr")]
pub mod server;

pub use model::{EventSelection, EventType, PATTERNS, TEST_EVENT};
