//! The search over pages, keys, members and actions: the command palette, and a page for browsers without scripts.

#[cfg(feature = "ssr")]
pub mod server;
