//! Buttons of an endpoint's page: turning it off and on, a test event, sending again.

use axum::extract::{Form, State};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use tower_sessions::Session;

use super::{done, not_done, path_of};
use crate::orgs::server::Member;
use crate::platform::http::PathId;
use crate::platform::{App, Error};
use crate::shared::{DeliveryId, Timestamp, WebhookId};
use crate::ui::server::message::{UndoForm, leave_undoable};
use crate::webhooks::server::{Endpoint, service};

pub async fn turn_off(
    State(app): State<App>,
    member: Member,
    session: Session,
    PathId(id): PathId<WebhookId>,
) -> Result<Response, Error> {
    turn(&app, &member, &session, id, false).await
}

pub async fn turn_on(
    State(app): State<App>,
    member: Member,
    session: Session,
    PathId(id): PathId<WebhookId>,
) -> Result<Response, Error> {
    turn(&app, &member, &session, id, true).await
}

async fn turn(
    app: &App,
    member: &Member,
    session: &Session,
    id: WebhookId,
    enabled: bool,
) -> Result<Response, Error> {
    let since = app.clock.now();
    match service::set_enabled(app, member, id, enabled).await {
        Ok(endpoint) => {
            let undo = UndoForm::new(format!("{}/undo", path_of(id)))
                .field("turned", if enabled { "on" } else { "off" })
                .field("since", since.millis());
            leave_undoable(session, &turned_text(&endpoint, enabled), Some(undo)).await?;
            Ok(Redirect::to(&path_of(id)).into_response())
        }
        Err(refusal) => not_done(session, id, refusal).await,
    }
}

fn turned_text(endpoint: &Endpoint, enabled: bool) -> String {
    match enabled {
        true => format!("{} is on.", endpoint.host()),
        false => format!("{} is off. New events are not stored while it is off.", endpoint.host()),
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct UndoTurnForm {
    /// "on" or "off": what is undone.
    turned: String,
    /// When it was turned, in milliseconds.
    since: String,
}

/// Turns the endpoint back, unless somebody else has turned it since.
pub async fn undo(
    State(app): State<App>,
    member: Member,
    session: Session,
    PathId(id): PathId<WebhookId>,
    Form(form): Form<UndoTurnForm>,
) -> Result<Response, Error> {
    let was_turned_on = form.turned == "on";
    // An invalid time is after every change, so that nothing is undone.
    let since = Timestamp::from_millis(form.since.parse().unwrap_or(i64::MAX));
    match service::undo_set_enabled(&app, &member, id, was_turned_on, since).await {
        Ok(endpoint) => done(&session, id, &turned_text(&endpoint, !was_turned_on)).await,
        Err(refusal) => not_done(&session, id, refusal).await,
    }
}

pub async fn test(
    State(app): State<App>,
    member: Member,
    session: Session,
    PathId(id): PathId<WebhookId>,
) -> Result<Response, Error> {
    match service::send_test(&app, &member, id).await {
        Ok(_) => done(&session, id, "A test event is on its way. Reload the page to see the response.").await,
        Err(refusal) => not_done(&session, id, refusal).await,
    }
}

pub async fn resend(
    State(app): State<App>,
    member: Member,
    session: Session,
    PathId(id): PathId<DeliveryId>,
) -> Result<Response, Error> {
    let found = service::find_delivery(&app, &member, id).await?;
    match service::resend(&app, &member, id).await {
        Ok(delivery) => {
            let again = if found.due_at.is_some() { "now" } else { "again" };
            let text = format!("{} is on its way {again}.", delivery.event_type);
            done(&session, delivery.endpoint, &text).await
        }
        Err(refusal) => not_done(&session, found.endpoint, refusal).await,
    }
}
