//! Builds the OpenAPI document from the descriptions of the slices' handlers.

use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::server::Server;
use utoipa::{OpenApi, openapi};

use super::error_responses::{self, BEARER, HEADER};
use crate::platform::App;
use crate::shared::{Kind, Role};

#[derive(OpenApi)]
#[openapi(
    info(title = "Latchkey", description = "Create, check, rotate and revoke API keys."),
    tags(
        (name = "checks", description = "Is a key accepted?"),
        (name = "keys", description = "Keys and how they are used"),
        (name = "key policy", description = "Rules for all keys of the organization, and what a change would refuse"),
        (name = "approvals", description = "Requests that a second person decides"),
        (name = "webhooks", description = "Endpoints that receive events, and what was delivered"),
        (name = "leaks", description = "Keys that were found in public"),
        (name = "audit", description = "Who did what"),
        (name = "about", description = "This document"),
    ),
    // Only query parameters refer to these schemas, which is why they are listed.
    components(schemas(Kind, Role)),
)]
struct Base;

/// The whole document; `handlers` describes all handlers.
pub fn build(app: &App, handlers: openapi::OpenApi) -> Arc<openapi::OpenApi> {
    let mut document = Base::openapi();
    document.merge(handlers);
    let components = document.components.get_or_insert_default();
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
    components.add_security_scheme(BEARER, SecurityScheme::Http(bearer));
    let header = ApiKey::Header(ApiKeyValue::new("X-API-Key"));
    components.add_security_scheme(HEADER, SecurityScheme::ApiKey(header));
    error_responses::add(&mut document);
    // utoipa takes the license from Cargo.toml, which has no address, but the document would need one.
    document.info.license = None;
    document.servers = Some(vec![Server::new(app.public_url.origin())]);
    Arc::new(document)
}

/// This document
#[utoipa::path(get, path = "/api/v1/openapi.json", operation_id = "getOpenApi", tag = "about", security(()),
    responses((status = 200, description = "The OpenAPI document", body = Object)))]
pub async fn show(Extension(document): Extension<Arc<openapi::OpenApi>>) -> Response {
    Json(&*document).into_response()
}
