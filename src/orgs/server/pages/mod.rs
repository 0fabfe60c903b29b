//! The pages of organizations.

mod new;
mod organization;
mod setup;
mod switch;

use crate::platform::http::{Doors, Who};

pub fn doors() -> Doors {
    Doors::default()
        .get("/setup", Who::Anyone, setup::show)
        .post("/setup", Who::Anyone, setup::submit)
        .get("/organizations/new", Who::Person, new::show)
        .post("/organizations/new", Who::Person, new::submit)
        .get("/settings/organization", Who::Person, organization::show)
        .post("/settings/organization", Who::Person, organization::submit)
        .post("/switch-organization", Who::Person, switch::submit)
}
