//! Organizations and their members. An organization owns keys; a person is a member of it with a role. People join by
//! invitation; an organization always keeps an owner.

mod model;

#[cfg(feature = "ssr")]
pub mod server;

pub use model::{INVITATION_LIFE, read_addresses};
