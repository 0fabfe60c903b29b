//! The REST endpoints of webhooks, for admins' keys.

mod bodies;
mod deliveries;
mod manage;

use utoipa::OpenApi;
use utoipa_axum::routes;

use crate::platform::http::{Audience, Routes};
use crate::webhooks::server::DeliveryState;

/// A schema that only a query parameter refers to.
#[derive(OpenApi)]
#[openapi(components(schemas(DeliveryState)))]
struct WebhookSchemas;

pub fn routes() -> Routes {
    Routes::default()
        .describe(WebhookSchemas::openapi())
        .documented(Audience::Key, routes!(manage::list, manage::create))
        .documented(Audience::Key, routes!(manage::show, manage::edit, manage::remove))
        .documented(Audience::Key, routes!(manage::rotate_secret))
        .documented(Audience::Key, routes!(deliveries::test))
        .documented(Audience::Key, routes!(deliveries::list))
        .documented(Audience::Key, routes!(deliveries::resend))
}
