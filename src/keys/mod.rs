//! API keys: made, shown once, checked at every request, rotated, revoked. A key is the thing with a name, a role and a
//! history; a secret is one token of it. The plaintext of a token exists in one answer and nowhere else.

mod islands;
mod model;
#[cfg(feature = "ssr")]
pub mod server;

pub use model::{IDLE, LONGEST_NAME, LONGEST_NOTE, MOST_PER_MINUTE, SOON, Standing, Status, check_key_name};
