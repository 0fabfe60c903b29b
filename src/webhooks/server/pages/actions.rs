//! Buttons of an endpoint's page: turning it off and on, a test event, sending again.

use axum::extract::State;
use axum::response::Response;
use tower_sessions::Session;

use super::{done, not_done};
use crate::orgs::server::Member;
use crate::platform::http::PathId;
use crate::platform::{App, Error};
use crate::shared::{DeliveryId, WebhookId};
use crate::webhooks::server::service;

pub async fn turn_off(
    State(app): State<App>,
    member: Member,
    session: Session,
    PathId(id): PathId<WebhookId>,
) -> Result<Response, Error> {
    match service::set_enabled(&app, &member, id, false).await {
        Ok(endpoint) => {
            let text = format!("{} is off. New events are not stored while it is off.", endpoint.host());
            done(&session, id, &text).await
        }
        Err(refusal) => not_done(&session, id, refusal).await,
    }
}

pub async fn turn_on(
    State(app): State<App>,
    member: Member,
    session: Session,
    PathId(id): PathId<WebhookId>,
) -> Result<Response, Error> {
    match service::set_enabled(&app, &member, id, true).await {
        Ok(endpoint) => done(&session, id, &format!("{} is on.", endpoint.host())).await,
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
