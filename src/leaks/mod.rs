//! Keys that were found in public. Whoever holds a key can report it, and it ends as its organization chose.

mod model;

#[cfg(feature = "ssr")]
pub mod server;

pub use model::LeakPolicy;
