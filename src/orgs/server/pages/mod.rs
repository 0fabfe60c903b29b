//! The pages of organizations.

mod invite;
mod members;
mod new;
mod organization;
mod setup;
mod sign_up;
mod switch;

use crate::platform::http::{Doors, Who};

pub fn doors() -> Doors {
    Doors::default()
        .get("/setup", Who::Anyone, setup::show)
        .post("/setup", Who::Anyone, setup::submit)
        .get("/sign-up/{token}", Who::Anyone, sign_up::show)
        .post("/sign-up/{token}", Who::Anyone, sign_up::submit)
        .get("/organizations/new", Who::Person, new::show)
        .post("/organizations/new", Who::Person, new::submit)
        .get("/settings/organization", Who::Person, organization::show)
        .post("/settings/organization", Who::Person, organization::submit)
        .post("/settings/organization/plan", Who::Person, organization::set_plan)
        .get("/settings/organization/delete", Who::Person, organization::delete::show)
        .post("/settings/organization/delete", Who::Person, organization::delete::submit)
        .get("/invite/{token}", Who::Anyone, invite::show)
        .post("/invite/{token}", Who::Anyone, invite::submit)
        .and(members::doors())
        .post("/switch-organization", Who::Person, switch::submit)
}
