//! The MCP server: the keys, usage, members and audit log of an organization as tools for agents, and the pages that belong to
//! it. No answer of it contains the secret of a key.

pub mod server;
