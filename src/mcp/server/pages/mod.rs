//! The pages of the MCP server: connecting an agent, and confirming what an agent asks for.

mod connect;
mod outcome;
mod request;
mod setups;

use crate::platform::http::{Audience, Routes};

#[cfg(test)]
pub use setups::SETUPS;

pub fn routes() -> Routes {
    Routes::default()
        .get(connect::HERE, Audience::Person, connect::show)
        .get("/agents/requests/{id}", Audience::Person, request::show)
        .post("/agents/requests/{id}", Audience::Person, request::submit)
}
