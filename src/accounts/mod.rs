//! People: the first run, sign-in with a password and a second factor, sessions, the profile. Who may do what in an
//! organization is the business of `orgs`.

mod model;

#[cfg(feature = "ssr")]
pub mod server;

pub use model::{check_email, check_name, device, email_key, is_unseen, name_key};
