//! `/settings/permissions`: the permissions that the organization lists, and the keys that have them.

mod describe;
mod list;
mod remove;
mod row;

use crate::platform::http::{Audience, Routes};

const HOME: &str = "/settings/permissions";

pub fn routes() -> Routes {
    Routes::default()
        .get("/settings/permissions", Audience::Person, list::show)
        .post("/settings/permissions", Audience::Person, list::add)
        .get("/settings/permissions/{id}/edit", Audience::Person, describe::show)
        .post("/settings/permissions/{id}/edit", Audience::Person, describe::submit)
        .get("/settings/permissions/{id}/remove", Audience::Person, remove::show)
        .post("/settings/permissions/{id}/remove", Audience::Person, remove::submit)
}
