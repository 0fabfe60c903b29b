//! `/settings/webhooks/{id}/remove`.

use axum::extract::{Form, State};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use tower_sessions::Session;

use super::{HOME, fields, not_done, path_of};
use crate::orgs::server::Member;
use crate::orgs::server::page_frame::form_page;
use crate::platform::http::PathId;
use crate::platform::{App, Error};
use crate::shared::WebhookId;
use crate::ui::form::FormErrors;
use crate::ui::parts::Look;
use crate::ui::server::message::leave_message;
use crate::ui::shell::Nav;
use crate::webhooks::server::{Endpoint, service};

#[derive(Deserialize)]
pub struct RemoveWebhookForm {
    #[serde(default)]
    confirm: String,
}

pub async fn show(
    State(app): State<App>,
    member: Member,
    PathId(id): PathId<WebhookId>,
) -> Result<Response, Error> {
    let endpoint = service::find(&app, &member, id).await?;
    Ok(page(&app, &member, &endpoint, FormErrors::default()).await)
}

pub async fn submit(
    State(app): State<App>,
    member: Member,
    session: Session,
    PathId(id): PathId<WebhookId>,
    Form(form): Form<RemoveWebhookForm>,
) -> Result<Response, Error> {
    let endpoint = service::find(&app, &member, id).await?;
    if form.confirm.is_empty() {
        let errors = FormErrors::default().with("confirm", "Tick this to remove the webhook.");
        return Ok(page(&app, &member, &endpoint, errors).await);
    }
    match service::remove(&app, &member, id).await {
        Ok(endpoint) => {
            leave_message(&session, &format!("{} was removed.", endpoint.host())).await?;
            Ok(Redirect::to(HOME).into_response())
        }
        Err(refusal) => not_done(&session, id, refusal).await,
    }
}

async fn page(app: &App, member: &Member, endpoint: &Endpoint, errors: FormErrors) -> Response {
    let path = path_of(endpoint.id);
    let host = endpoint.host().to_owned();
    form_page(app, member, Some(Nav::Webhooks), "Remove webhook", format!("{path}/remove"))
        .up(HOME, "Webhooks")
        .up(path, host.clone())
        .here("Remove")
        .heading(format!("Remove {host}"))
        .text("It no longer receives events, and its signing secret is deleted. This cannot be undone.")
        .failed("The webhook was not removed.")
        .submit("Remove webhook")
        .saving("Removing…")
        .look(Look::Danger)
        .render(errors, move || fields::confirmation(&host))
        .await
}
