//! The audit log as people and programs read it: the page, its export, and `GET /api/v1/audit`. `audit` writes it.

#[cfg(feature = "ssr")]
pub mod server;
