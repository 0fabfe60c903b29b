//! Device authorization (RFC 8628): a command line shows a code, a person approves it in the browser, and the command
//! line gets a key. Two wires lead to the same machine of states: pending → approved → consumed, or pending → denied;
//! that time has run out is told by the clock. Each move is one UPDATE that names the state it expects.

mod model;
#[cfg(feature = "ssr")]
pub mod server;

pub use model::{ALPHABET, LoginStatus, UserCode};
