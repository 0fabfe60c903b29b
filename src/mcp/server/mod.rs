//! `/api/mcp`: MCP over streamable HTTP without sessions. Each request presents its key, so a revoked key is refused at once, and
//! any process can answer any request. The tools are thin calls of the services that pages and REST endpoints use.

mod arguments;
mod bodies;
mod completions;
mod endpoint;
mod failure;
mod find_key;
mod handler;
mod message;
mod pages;
mod prompts;
mod request_state;
mod resources;
mod tools;

use crate::platform::http::{Audience, Routes};

#[cfg(test)]
pub use pages::SETUPS;

pub fn routes() -> Routes {
    Routes::default().post(endpoint::PATH, Audience::Key, endpoint::serve).merge(pages::routes())
}
