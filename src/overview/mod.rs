//! The first page after signing in: how the organization's keys are used today, and which of them need somebody.

#[cfg(feature = "ssr")]
pub mod server;
