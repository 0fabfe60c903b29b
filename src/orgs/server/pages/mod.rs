//! The pages of organizations.

mod invite;
mod members;
mod new;
mod organization;
mod setup;
mod sign_up;
mod switch;

use crate::orgs::server::live;
use crate::platform::http::{Audience, Routes};

pub fn routes() -> Routes {
    Routes::default()
        .get("/live", Audience::Person, live::listen)
        .get("/setup", Audience::Anyone, setup::show)
        .post("/setup", Audience::Anyone, setup::submit)
        .get("/sign-up/{token}", Audience::Anyone, sign_up::show)
        .post("/sign-up/{token}", Audience::Anyone, sign_up::submit)
        .get("/organizations/new", Audience::Person, new::show)
        .post("/organizations/new", Audience::Person, new::submit)
        .get("/settings/organization", Audience::Person, organization::show)
        .post("/settings/organization", Audience::Person, organization::submit)
        .get("/settings/organization/delete", Audience::Person, organization::delete::show)
        .post("/settings/organization/delete", Audience::Person, organization::delete::submit)
        .get("/invite/{token}", Audience::Anyone, invite::show)
        .post("/invite/{token}", Audience::Anyone, invite::submit)
        .merge(members::routes())
        .post("/switch-organization", Audience::Person, switch::submit)
}
