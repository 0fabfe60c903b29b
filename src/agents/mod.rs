//! Agents: programs that tell an organization which MCP servers they use and which of their tools they may. What a
//! server is opened with is none of it: no token, no key, no address with one in it is kept.

mod model;
#[cfg(feature = "ssr")]
pub mod server;

pub use model::{Environment, McpServer, ServerAuth};
