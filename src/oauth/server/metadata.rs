//! The documents in which apps find the endpoints: of the authorization server (RFC 8414) and of the MCP endpoint (RFC 9728).

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::json;

use super::resource;
use super::token::{CODE_GRANT, REFRESH_GRANT};
use crate::device::server::DEVICE_CODE_GRANT;
use crate::device::server::oauth_wire::json_response;
use crate::platform::App;
use crate::platform::http::{Audience, Protocol, Routes};
use crate::shared::Role;

pub fn routes() -> Routes {
    Routes::default()
        .get("/.well-known/oauth-authorization-server", Audience::Anyone, authorization_server)
        .get("/.well-known/oauth-protected-resource", Audience::Anyone, protected_resource)
        .get("/.well-known/oauth-protected-resource/api/mcp", Audience::Anyone, protected_resource)
        .protocol(&["/.well-known"], Protocol::Api)
}

async fn authorization_server(State(app): State<App>) -> Response {
    let origin = app.public_url.origin();
    let body = json!({
        "issuer": origin,
        "authorization_endpoint": format!("{origin}/oauth/authorize"),
        "token_endpoint": format!("{origin}/oauth/token"),
        "registration_endpoint": format!("{origin}/oauth/register"),
        "device_authorization_endpoint": format!("{origin}/oauth/device_authorization"),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": [CODE_GRANT, REFRESH_GRANT, DEVICE_CODE_GRANT],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["none"],
        "client_id_metadata_document_supported": true,
        "authorization_response_iss_parameter_supported": true,
        "scopes_supported": Role::ALL.map(Role::as_str),
    });
    json_response(StatusCode::OK, &body)
}

async fn protected_resource(State(app): State<App>) -> Response {
    let body = json!({
        "resource": resource(&app),
        "resource_name": "Latchkey",
        "authorization_servers": [app.public_url.origin()],
        "bearer_methods_supported": ["header"],
        "scopes_supported": Role::ALL.map(Role::as_str),
    });
    json_response(StatusCode::OK, &body)
}
