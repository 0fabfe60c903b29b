//! `/settings/agents`: which agents there are, and what each uses.

mod list;
mod one;
mod remove;

use crate::platform::http::{Doors, Who};

const HOME: &str = "/settings/agents";

pub fn doors() -> Doors {
    Doors::default()
        .get(HOME, Who::Person, list::show)
        .get("/settings/agents/{id}", Who::Person, one::show)
        .post("/settings/agents/{id}/remove", Who::Person, remove::submit)
}
