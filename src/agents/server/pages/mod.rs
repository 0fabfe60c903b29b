//! `/settings/agents`: the agents and their servers.

mod list;
mod one;
mod remove;

use crate::platform::http::{Audience, Routes};

const HOME: &str = "/settings/agents";

pub fn routes() -> Routes {
    Routes::default()
        .get(HOME, Audience::Person, list::show)
        .get("/settings/agents/{id}", Audience::Person, one::show)
        .get("/settings/agents/{id}/remove", Audience::Person, remove::show)
        .post("/settings/agents/{id}/remove", Audience::Person, remove::submit)
}
