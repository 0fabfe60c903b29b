//! `/api/v1/webhooks/…`: deliveries, test events, and sending again.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use utoipa::IntoParams;

use super::bodies::{DeliveryBody, DeliveryListBody};
use crate::api::{ApiError, Unreadable};
use crate::keys::server::Refusal;
use crate::keys::server::rest::{ApiCaller, respond};
use crate::platform::App;
use crate::platform::http::PathId;
use crate::shared::{DeliveryId, WebhookId};
use crate::webhooks::server::service::{self, Delivery};
use crate::webhooks::server::{DeliveryFilter, DeliveryState};

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DeliveryListQuery {
    #[param(value_type = Option<DeliveryState>)]
    state: Option<String>,
    /// True: only deliveries with more than one attempt
    retried: Option<bool>,
    /// The size of a page; the default is 50
    #[param(minimum = 1, maximum = 100)]
    limit: Option<usize>,
    /// The next_cursor of the previous page
    cursor: Option<String>,
}

fn wrong(field: &'static str, why: &str) -> ApiError {
    Refusal::Input(vec![(field, why.to_owned())]).into()
}

impl DeliveryListQuery {
    fn filter(&self) -> Result<DeliveryFilter, ApiError> {
        let state = self
            .state
            .as_deref()
            .map(|text| DeliveryState::parse(text).ok_or_else(|| wrong("state", "There is no such state.")));
        let before = self.cursor.as_deref().map(|text| {
            DeliveryId::parse(text).ok_or_else(|| wrong("cursor", "This cursor is not one of this list's."))
        });
        let limit = self.limit.unwrap_or(50);
        if !(1..=100).contains(&limit) {
            return Err(wrong("limit", "A page has from 1 to 100 deliveries."));
        }
        let is_retried = self.retried.unwrap_or_default();
        Ok(DeliveryFilter { state: state.transpose()?, is_retried, before: before.transpose()?, limit })
    }
}

/// The deliveries of a webhook in the last 30 days
#[utoipa::path(get, path = "/api/v1/webhooks/{id}/deliveries", operation_id = "listWebhookDeliveries", tag = "webhooks",
    params(("id" = String, Path, description = "The webhook's id"), DeliveryListQuery),
    responses((status = 200, description = "A page of deliveries", body = DeliveryListBody), (status = 401), (status = 403), (status = 404), (status = 422)))]
pub async fn list(
    State(app): State<App>,
    caller: ApiCaller,
    PathId(id): PathId<WebhookId>,
    query: Result<Query<DeliveryListQuery>, QueryRejection>,
) -> Result<Response, ApiError> {
    let Query(query) = query.map_err(Unreadable::from)?;
    let endpoint = service::find(&app, &caller.actor, id).await?;
    let (deliveries, has_more) = service::deliveries(&app, &endpoint, &query.filter()?).await?;
    let next_cursor = deliveries.last().filter(|_| has_more).map(|last| last.id.to_string());
    let mut attempts = service::attempts_of(&app, &deliveries).await?;
    let body = |delivery: Delivery| {
        let attempts = attempts.remove(&delivery.id).unwrap_or_default();
        DeliveryBody::of(delivery, attempts)
    };
    let data = deliveries.into_iter().map(body).collect();
    Ok(respond(StatusCode::OK, &caller.limits, DeliveryListBody { data, next_cursor }))
}

/// Send a test event to a webhook
///
/// Its type is webhook.test, which needs no subscription.
#[utoipa::path(post, path = "/api/v1/webhooks/{id}/test", operation_id = "testWebhook", tag = "webhooks", params(("id" = String, Path, description = "The webhook's id")),
    responses((status = 202, description = "The delivery, which is made within seconds", body = DeliveryBody), (status = 401), (status = 403), (status = 404), (status = 409)))]
pub async fn test(
    State(app): State<App>,
    caller: ApiCaller,
    PathId(id): PathId<WebhookId>,
) -> Result<Response, ApiError> {
    let delivery = service::send_test(&app, &caller.actor, id).await?;
    accepted(&app, &caller, delivery).await
}

/// Send the event of a delivery again, with the same event id
///
/// One that waits for its next attempt is tried now. That is refused (409) while an earlier event of the same key waits,
/// because the events of a key are sent in order.
#[utoipa::path(post, path = "/api/v1/webhooks/deliveries/{id}/resend", operation_id = "resendWebhookDelivery", tag = "webhooks", params(("id" = String, Path, description = "The delivery's id")),
    responses((status = 202, description = "The delivery, which is made within seconds", body = DeliveryBody), (status = 401), (status = 403), (status = 404), (status = 409)))]
pub async fn resend(
    State(app): State<App>,
    caller: ApiCaller,
    PathId(id): PathId<DeliveryId>,
) -> Result<Response, ApiError> {
    let delivery = service::resend(&app, &caller.actor, id).await?;
    accepted(&app, &caller, delivery).await
}

async fn accepted(app: &App, caller: &ApiCaller, delivery: Delivery) -> Result<Response, ApiError> {
    let id = delivery.id;
    let attempts = service::attempts_of(app, std::slice::from_ref(&delivery)).await?.remove(&id);
    let body = DeliveryBody::of(delivery, attempts.unwrap_or_default());
    Ok(respond(StatusCode::ACCEPTED, &caller.limits, body))
}
