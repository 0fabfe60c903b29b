//! Agents: programs that register with an organization which MCP servers they use and which tools they may call.
//! Credentials of the servers are never stored: no token, no key, and no URL that contains one.

mod model;
#[cfg(feature = "ssr")]
pub mod server;

pub use model::{Environment, McpServer, ServerAuth};
