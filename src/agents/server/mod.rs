//! The server's side of agents.

mod draft;
mod pages;
mod service;
mod store;

pub use draft::{AgentDraft, ServerDraft};
pub use pages::routes;
pub use service::{Agent, AgentPage, McpServer, RegistrationError, all, find, list, register, remove};
