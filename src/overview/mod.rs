//! The first page after signing in: how the organization's keys are used today, and which of them need attention.

#[cfg(feature = "ssr")]
pub mod server;
