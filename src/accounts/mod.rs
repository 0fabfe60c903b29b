//! People: the first account, sign-up, sign-in with a password or an identity provider, the second factor, and sessions.
//! Roles and permissions in organizations belong to `orgs`.

mod letter_kind;
mod model;

#[cfg(feature = "ssr")]
pub mod server;

pub use crate::shared::name_key;
pub use letter_kind::LetterKind;
pub use model::{check_email, check_name, device, email_key};
