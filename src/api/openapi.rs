//! The OpenAPI document, written by the handlers themselves.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::server::Server;
use utoipa::{Modify, OpenApi};

use super::{audit, authorize, keys, me, refusals, usage, verify};
use crate::platform::App;

#[derive(OpenApi)]
#[openapi(
    info(title = "Latchkey", description = "API keys: made, checked, rotated, revoked."),
    paths(
        show, authorize::authorize, verify::verify, me::show, keys::list, keys::create, keys::show, keys::edit,
        keys::rotate, keys::finish, keys::extend, keys::disable, keys::enable, keys::revoke, usage::show, audit::list,
    ),
    modifiers(&Schemes),
)]
pub struct Api;

struct Schemes;

impl Modify for Schemes {
    fn modify(&self, api: &mut utoipa::openapi::OpenApi) {
        let components = api.components.get_or_insert_default();
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        components.add_security_scheme("key", SecurityScheme::Http(bearer));
        let header = ApiKey::Header(ApiKeyValue::new("X-API-Key"));
        components.add_security_scheme("header", SecurityScheme::ApiKey(header));
        refusals::tell(api);
    }
}

/// This document
#[utoipa::path(get, path = "/api/v1/openapi.json", tag = "about", responses((status = 200)))]
pub async fn show(State(app): State<App>) -> Response {
    let mut api = Api::openapi();
    api.servers = Some(vec![Server::new(app.public_url.origin())]);
    Json(api).into_response()
}
