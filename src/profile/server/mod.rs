//! The pages below `/settings/profile`.

mod confirm;
mod devices;
mod factor;
mod letters;
mod overview;
mod password;
mod provider_link;
mod recovery_codes;
mod sign_in_methods;

use axum::response::Redirect;
use tower_sessions::Session;

use crate::platform::Error;
use crate::platform::http::{Audience, Routes};
use crate::ui::server::message::leave_message;

const HOME: &str = "/settings/profile";

pub fn routes() -> Routes {
    Routes::default()
        .get("/settings/profile", Audience::Person, overview::show)
        .post("/settings/profile", Audience::Person, overview::rename)
        .post("/settings/profile/sessions", Audience::Person, overview::end_session)
        .post("/settings/profile/letters", Audience::Person, letters::submit)
        .get("/settings/profile/password", Audience::Person, password::show)
        .post("/settings/profile/password", Audience::Person, password::submit)
        .get("/settings/profile/sign-in-methods/{method}", Audience::Person, provider_link::show)
        .post("/settings/profile/sign-in-methods/{method}", Audience::Person, provider_link::submit)
        .get(
            "/settings/profile/sign-in-methods/{method}/remove",
            Audience::Person,
            provider_link::show_removal,
        )
        .post("/settings/profile/sign-in-methods/{method}/remove", Audience::Person, provider_link::remove)
        .get("/settings/profile/second-factor", Audience::Person, factor::show)
        .post("/settings/profile/second-factor", Audience::Person, factor::submit)
        .get("/settings/profile/second-factor/off", Audience::Person, factor::show_off)
        .post("/settings/profile/second-factor/off", Audience::Person, factor::turn_off)
        .get("/settings/profile/recovery-codes", Audience::Person, factor::show_codes)
        .post("/settings/profile/recovery-codes", Audience::Person, factor::new_codes)
        .post(recovery_codes::FILE, Audience::Person, recovery_codes::download)
}

/// Redirects to the profile, which shows the message.
async fn redirect_home(session: &Session, message: &str) -> Result<Redirect, Error> {
    leave_message(session, message).await?;
    Ok(Redirect::to(HOME))
}
