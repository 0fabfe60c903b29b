//! `/settings/members` and the pages below it.

mod invitation_view;
mod invitations;
mod list;
mod remove;
mod role;

use crate::platform::http::{Audience, Routes};

const HOME: &str = "/settings/members";

pub fn routes() -> Routes {
    Routes::default()
        .get("/settings/members", Audience::Person, list::show)
        .post("/settings/members", Audience::Person, invitations::invite)
        .post("/settings/members/invitations/{id}/resend", Audience::Person, invitations::resend)
        .post("/settings/members/invitations/{id}/withdraw", Audience::Person, invitations::withdraw)
        .get("/settings/members/{id}/role", Audience::Person, role::show)
        .post("/settings/members/{id}/role", Audience::Person, role::submit)
        .get("/settings/members/{id}/remove", Audience::Person, remove::show)
        .post("/settings/members/{id}/remove", Audience::Person, remove::submit)
}
