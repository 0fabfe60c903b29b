//! `/api/v1/webhooks`: listing, adding and changing endpoints.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::ToSchema;

use super::bodies::{NewWebhookBody, WebhookBody, WebhookListBody};
use crate::api::{ApiError, Body};
use crate::keys::server::rest::{ApiCaller, respond};
use crate::platform::App;
use crate::platform::http::PathId;
use crate::shared::WebhookId;
use crate::webhooks::server::{EndpointDraft, EndpointEdit, service};

/// The organization's webhooks
#[utoipa::path(get, path = "/api/v1/webhooks", operation_id = "listWebhooks", tag = "webhooks",
    responses((status = 200, description = "All webhooks, the oldest first", body = WebhookListBody), (status = 401), (status = 403)))]
pub async fn list(State(app): State<App>, caller: ApiCaller) -> Result<Response, ApiError> {
    let endpoints = service::list(&app, &caller.actor).await?;
    let now = app.clock.now();
    let data = endpoints.iter().map(|endpoint| WebhookBody::of(endpoint, now)).collect();
    Ok(respond(StatusCode::OK, &caller.limits, WebhookListBody { data }))
}

#[derive(Deserialize, ToSchema)]
#[schema(as = NewWebhook)]
#[serde(deny_unknown_fields)]
pub struct CreateWebhookBody {
    /// https, at most 2,048 characters, unique among the organization's webhooks
    url: String,
    /// Event types such as key.created, or the patterns key.*, member.*, login.* and *
    events: Vec<String>,
    /// At most 200 characters
    #[serde(default)]
    description: String,
}

/// Add a webhook; its signing secret is in this response and nowhere else
///
/// An organization has at most 20 webhooks. Requests are signed as Standard Webhooks describes.
#[utoipa::path(post, path = "/api/v1/webhooks", operation_id = "createWebhook", tag = "webhooks", request_body = CreateWebhookBody,
    responses((status = 201, description = "The webhook with its signing secret", body = NewWebhookBody), (status = 401), (status = 403), (status = 409), (status = 422)))]
pub async fn create(
    State(app): State<App>,
    caller: ApiCaller,
    Body(new): Body<CreateWebhookBody>,
) -> Result<Response, ApiError> {
    let draft = EndpointDraft { url: new.url, description: new.description, events: new.events };
    let revealed = service::create(&app, &caller.actor, &draft).await?;
    let body = NewWebhookBody::of(&revealed, app.clock.now());
    Ok(respond(StatusCode::CREATED, &caller.limits, body))
}

/// One webhook
#[utoipa::path(get, path = "/api/v1/webhooks/{id}", operation_id = "getWebhook", tag = "webhooks", params(("id" = String, Path, description = "The webhook's id")),
    responses((status = 200, description = "The webhook", body = WebhookBody), (status = 401), (status = 403), (status = 404)))]
pub async fn show(
    State(app): State<App>,
    caller: ApiCaller,
    PathId(id): PathId<WebhookId>,
) -> Result<Response, ApiError> {
    let endpoint = service::find(&app, &caller.actor, id).await?;
    let body = WebhookBody::of(&endpoint, app.clock.now());
    Ok(respond(StatusCode::OK, &caller.limits, body))
}

#[derive(Deserialize, ToSchema)]
#[schema(as = WebhookEdit)]
#[serde(deny_unknown_fields)]
pub struct EditWebhookBody {
    url: Option<String>,
    events: Option<Vec<String>>,
    description: Option<String>,
    /// False turns the webhook off: it receives no events, and events are not stored for it. True turns it on again
    enabled: Option<bool>,
}

/// Change a webhook, or turn it off or on
///
/// Turning off or on is a change of its own: a request that also changes other fields is refused.
#[utoipa::path(patch, path = "/api/v1/webhooks/{id}", operation_id = "editWebhook", tag = "webhooks", params(("id" = String, Path, description = "The webhook's id")), request_body = EditWebhookBody,
    responses((status = 200, description = "The webhook as it is now", body = WebhookBody), (status = 401), (status = 403), (status = 404), (status = 409), (status = 422)))]
pub async fn edit(
    State(app): State<App>,
    caller: ApiCaller,
    PathId(id): PathId<WebhookId>,
    Body(body): Body<EditWebhookBody>,
) -> Result<Response, ApiError> {
    let EditWebhookBody { url, events, description, enabled } = body;
    let has_fields = url.is_some() || events.is_some() || description.is_some();
    let endpoint = match enabled {
        Some(_) if has_fields => {
            let why = "Turn a webhook off or on in a request of its own.".to_owned();
            return Err(crate::keys::server::Refusal::Input(vec![("enabled", why)]).into());
        }
        Some(enabled) => service::set_enabled(&app, &caller.actor, id, enabled).await?,
        None => {
            let edit = EndpointEdit { url, description, events };
            service::edit(&app, &caller.actor, id, &edit).await?
        }
    };
    let body = WebhookBody::of(&endpoint, app.clock.now());
    Ok(respond(StatusCode::OK, &caller.limits, body))
}

/// Remove a webhook and its deliveries
#[utoipa::path(delete, path = "/api/v1/webhooks/{id}", operation_id = "removeWebhook", tag = "webhooks", params(("id" = String, Path, description = "The webhook's id")),
    responses((status = 204, description = "It is removed"), (status = 401), (status = 403), (status = 404)))]
pub async fn remove(
    State(app): State<App>,
    caller: ApiCaller,
    PathId(id): PathId<WebhookId>,
) -> Result<Response, ApiError> {
    service::remove(&app, &caller.actor, id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Give a webhook a new signing secret, which is in this response and nowhere else
///
/// For a day, requests are signed with both the old and the new secret.
#[utoipa::path(post, path = "/api/v1/webhooks/{id}/rotate-secret", operation_id = "rotateWebhookSecret", tag = "webhooks", params(("id" = String, Path, description = "The webhook's id")),
    responses((status = 200, description = "The webhook with its new signing secret", body = NewWebhookBody), (status = 401), (status = 403), (status = 404)))]
pub async fn rotate_secret(
    State(app): State<App>,
    caller: ApiCaller,
    PathId(id): PathId<WebhookId>,
) -> Result<Response, ApiError> {
    let revealed = service::rotate_secret(&app, &caller.actor, id).await?;
    let body = NewWebhookBody::of(&revealed, app.clock.now());
    Ok(respond(StatusCode::OK, &caller.limits, body))
}
