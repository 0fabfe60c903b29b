//! API keys. A key has a name, a role and a history. Its secrets are the parts of tokens that prove it; rotating a key gives it a
//! new one. The plaintext of a token is shown in one response and stored nowhere.

mod islands;
mod model;
#[cfg(feature = "ssr")]
pub mod server;

pub use model::{IDLE, LONGEST_NAME, LONGEST_NOTE, MOST_PER_MINUTE, SOON, Standing, Status, check_key_name};
