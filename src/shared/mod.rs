//! What both builds know and nothing else depends on: the moment, and the build's own name.

mod timestamp;

pub use timestamp::Timestamp;

/// The version in Cargo.toml, shown in the account menu, `--version` and `/metrics`.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
