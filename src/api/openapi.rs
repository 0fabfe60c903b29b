//! The OpenAPI document, written by the handlers themselves.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::server::Server;
use utoipa::{Modify, OpenApi};

use super::refusals::{BEARER, HEADER};
use super::{audit, authorize, keys, me, refusals, schemas, usage, verify};
use crate::keys::Status;
use crate::platform::App;
use crate::shared::{Kind, Role};

#[derive(OpenApi)]
#[openapi(
    info(title = "Latchkey", description = "API keys: made, checked, rotated, revoked."),
    tags(
        (name = "checks", description = "Is a key accepted?"),
        (name = "keys", description = "Keys and how they are used"),
        (name = "audit", description = "Who did what"),
        (name = "about", description = "This document"),
    ),
    paths(
        show, authorize::authorize, verify::verify, me::show, keys::list, keys::create, keys::show, keys::edit,
        keys::rotate, keys::finish, keys::extend, keys::disable, keys::enable, keys::revoke, usage::show, audit::list,
    ),
    // Those that parameters refer to: only schemas of bodies are found without this.
    components(schemas(Kind, Role, Status, schemas::KeyOrder)),
    modifiers(&Schemes),
)]
pub struct Api;

struct Schemes;

impl Modify for Schemes {
    fn modify(&self, api: &mut utoipa::openapi::OpenApi) {
        let components = api.components.get_or_insert_default();
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        components.add_security_scheme(BEARER, SecurityScheme::Http(bearer));
        let header = ApiKey::Header(ApiKeyValue::new("X-API-Key"));
        components.add_security_scheme(HEADER, SecurityScheme::ApiKey(header));
        refusals::tell(api);
    }
}

/// This document
#[utoipa::path(get, path = "/api/v1/openapi.json", operation_id = "getOpenApi", tag = "about", security(()),
    responses((status = 200, description = "The OpenAPI document", body = Object)))]
pub async fn show(State(app): State<App>) -> Response {
    let mut api = Api::openapi();
    // It would have an empty name, since Cargo.toml names none.
    api.info.license = None;
    api.servers = Some(vec![Server::new(app.public_url.origin())]);
    Json(api).into_response()
}
