//! The wire of the published ArmorIQ clients (PyPI and npm), as they are: their addresses, their names for things, and
//! what they do with an answer. Everything is JSON, refusals carry `message`, nothing redirects. The rules are those of
//! the services below; what differs from `/api/v1` is that every plan may come this way, since these clients drop their
//! login at a 403.

mod caller;
mod health;
mod keys;
mod login;
mod not_offered;
mod organizations;
mod registration;
mod sdk;
mod switch;
mod words;

#[cfg(test)]
pub use not_offered::routes as not_offered;

use crate::platform::http::{Audience, Protocol, Routes};

/// Where the published clients send requests.
const PROGRAMS: &[&str] = &[
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
        .protocol(PROGRAMS, Protocol::Api)
}
