//! Settings → Webhooks: the endpoints of the organization and what was delivered to them.

mod actions;
mod deliveries;
mod fields;
mod list;
mod new;
mod one;
mod remove;
mod reveal;
mod rotate;

use axum::response::{IntoResponse, Redirect, Response};
use tower_sessions::Session;

use crate::keys::server::{Refusal, leave_refusal};
use crate::platform::Error;
use crate::platform::http::{Audience, Routes};
use crate::shared::WebhookId;
use crate::ui::server::message::leave_message;

/// The path of the list.
const HOME: &str = "/settings/webhooks";

pub fn routes() -> Routes {
    Routes::default()
        .get(HOME, Audience::Person, list::show)
        .get("/settings/webhooks/new", Audience::Person, new::show)
        .post("/settings/webhooks/new", Audience::Person, new::submit)
        .get("/settings/webhooks/{id}", Audience::Person, one::show)
        .get("/settings/webhooks/{id}/edit", Audience::Person, new::show_edit)
        .post("/settings/webhooks/{id}/edit", Audience::Person, new::submit_edit)
        .get("/settings/webhooks/{id}/rotate-secret", Audience::Person, rotate::show)
        .post("/settings/webhooks/{id}/rotate-secret", Audience::Person, rotate::submit)
        .get("/settings/webhooks/{id}/remove", Audience::Person, remove::show)
        .post("/settings/webhooks/{id}/remove", Audience::Person, remove::submit)
        .post("/settings/webhooks/{id}/turn-off", Audience::Person, actions::turn_off)
        .post("/settings/webhooks/{id}/turn-on", Audience::Person, actions::turn_on)
        .post("/settings/webhooks/{id}/undo", Audience::Person, actions::undo)
        .post("/settings/webhooks/{id}/test", Audience::Person, actions::test)
        .post("/settings/webhooks/deliveries/{id}/resend", Audience::Person, actions::resend)
}

fn path_of(id: WebhookId) -> String {
    format!("{HOME}/{id}")
}

/// Redirects to the endpoint's page with a message.
async fn done(session: &Session, id: WebhookId, text: &str) -> Result<Response, Error> {
    leave_message(session, text).await?;
    Ok(Redirect::to(&path_of(id)).into_response())
}

/// Redirects to the endpoint's page, which shows its current state, with the reason why a change was refused.
async fn not_done(session: &Session, id: WebhookId, refusal: Refusal) -> Result<Response, Error> {
    leave_refusal(session, refusal).await?;
    Ok(Redirect::to(&path_of(id)).into_response())
}
