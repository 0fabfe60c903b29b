//! `/settings/members` and the pages below it.

mod invitations;
mod list;
mod remove;
mod role;

use crate::platform::http::{Doors, Who};

const HOME: &str = "/settings/members";

pub fn doors() -> Doors {
    Doors::default()
        .get("/settings/members", Who::Person, list::show)
        .post("/settings/members", Who::Person, invitations::invite)
        .post("/settings/members/invitations/{id}/resend", Who::Person, invitations::resend)
        .post("/settings/members/invitations/{id}/withdraw", Who::Person, invitations::withdraw)
        .get("/settings/members/{id}/role", Who::Person, role::show)
        .post("/settings/members/{id}/role", Who::Person, role::submit)
        .get("/settings/members/{id}/remove", Who::Person, remove::show)
        .post("/settings/members/{id}/remove", Who::Person, remove::submit)
}
