//! The server's side of agents.

mod draft;
mod pages;
mod service;
mod store;

pub use draft::{Draft, DraftServer};
pub use pages::routes;
pub use service::{Agent, Listed, McpServer, Refusal, all, find, list, register, remove};
