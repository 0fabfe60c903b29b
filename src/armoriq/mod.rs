//! The API of the published ArmorIQ clients (PyPI and npm): their paths, field names and expectations. All bodies are JSON,
//! errors have a `message`, and nothing redirects. The same services as elsewhere check the permissions. Unlike `/api/v1`,
//! every plan may use this API, because these clients discard their login after a 403.

mod caller;
mod health;
mod json_body;
mod keys;
mod login;
mod not_offered;
mod organizations;
mod registration;
mod sdk;
mod switch;

#[cfg(test)]
pub use not_offered::routes as not_offered;

use crate::platform::http::{Audience, Protocol, Routes};

/// The path prefixes of the published clients' requests.
const CLIENT_PATHS: &[&str] = &[
    "/api-keys",
    "/dashboard/token-usage",
    "/delegation",
    "/health",
    "/iap",
    "/invoke",
    "/mcp",
    "/observability",
    "/policies",
    "/policy",
    "/v1/traces",
];

pub fn routes() -> Routes {
    Routes::default()
        .get("/health", Audience::Anyone, health::show)
        .post("/auth/device/code", Audience::Anyone, login::code)
        .post("/auth/device/token", Audience::Anyone, login::token)
        .get("/iap/sdk/orgs", Audience::Key, organizations::list)
        .post("/iap/sdk/bootstrap", Audience::Key, sdk::bootstrap)
        .post("/iap/sdk/register", Audience::Key, sdk::register)
        .post("/iap/sdk/switch-org", Audience::Key, switch::organization)
        .get("/api-keys", Audience::Key, keys::list)
        .post("/api-keys/{id}/revoke", Audience::Key, keys::revoke)
        .merge(not_offered::routes())
        .protocol(&["/auth/device/code", "/auth/device/token"], Protocol::Custom(login::error_form))
        .protocol(CLIENT_PATHS, Protocol::Api)
}
