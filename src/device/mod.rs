//! Device authorization (RFC 8628): a command line shows a code, a person approves it in the browser, and the command
//! line gets a key. Two protocols share one state machine: pending → approved → consumed, or pending → denied; expiry is
//! computed from the clock. Each transition is one UPDATE that names the state it expects.

mod model;
#[cfg(feature = "ssr")]
pub mod server;

pub use model::{ALPHABET, LoginStatus, UserCode};
