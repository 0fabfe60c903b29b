//! `/approvals`: the requests of the organization, and the page of one.

mod card;
mod list;
mod one;

use crate::platform::http::{Audience, Routes};

pub fn routes() -> Routes {
    Routes::default()
        .get("/approvals", Audience::Person, list::show)
        .get("/approvals/{id}", Audience::Person, one::show)
        .post("/approvals/{id}", Audience::Person, one::decide)
        .post("/approvals/{id}/withdraw", Audience::Person, one::withdraw)
}
