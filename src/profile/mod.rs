//! `/settings/profile`: the account, sign-in methods, second factor, sessions and devices of the signed-in person.

#[cfg(feature = "ssr")]
pub mod server;
