//! `/settings/profile` and the pages below it.

mod confirm;
mod devices;
mod factor;
mod methods;
mod overview;
mod password;
mod ways;

use axum::response::Redirect;
use tower_sessions::Session;

use crate::platform::Error;
use crate::platform::http::{Doors, Who};

const HOME: &str = "/settings/profile";

pub fn doors() -> Doors {
    Doors::default()
        .get("/settings/profile", Who::Person, overview::show)
        .post("/settings/profile", Who::Person, overview::rename)
        .post("/settings/profile/sessions", Who::Person, overview::end_session)
        .get("/settings/profile/password", Who::Person, password::show)
        .post("/settings/profile/password", Who::Person, password::submit)
        .get("/settings/profile/sign-in-methods/{method}", Who::Person, methods::show)
        .post("/settings/profile/sign-in-methods/{method}", Who::Person, methods::submit)
        .get("/settings/profile/sign-in-methods/{method}/remove", Who::Person, methods::show_removal)
        .post("/settings/profile/sign-in-methods/{method}/remove", Who::Person, methods::remove)
        .get("/settings/profile/second-factor", Who::Person, factor::show)
        .post("/settings/profile/second-factor", Who::Person, factor::submit)
        .get("/settings/profile/second-factor/off", Who::Person, factor::show_off)
        .post("/settings/profile/second-factor/off", Who::Person, factor::turn_off)
        .get("/settings/profile/recovery-codes", Who::Person, factor::show_codes)
        .post("/settings/profile/recovery-codes", Who::Person, factor::new_codes)
}

/// Back to the profile, which says what was done.
async fn done(session: &Session, what: &str) -> Result<Redirect, Error> {
    crate::orgs::server::leave_word(session, what).await?;
    Ok(Redirect::to(HOME))
}
