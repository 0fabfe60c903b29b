//! Keys that were found in public. Anyone who holds a key can report it; the leak policy of its organization decides what
//! happens to it.

mod model;

#[cfg(feature = "ssr")]
pub mod server;

pub use model::LeakPolicy;
