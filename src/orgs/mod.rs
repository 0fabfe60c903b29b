//! Organizations and their members. An organization owns keys; a person is a member of it with a role.

#[cfg(feature = "ssr")]
pub mod server;
