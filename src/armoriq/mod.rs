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
pub use not_offered::doors as not_offered;

use crate::platform::http::{Doors, Who};

pub fn doors() -> Doors {
    Doors::default()
        .get("/health", Who::Anyone, health::show)
        .post("/auth/device/code", Who::Anyone, login::code)
        .post("/auth/device/token", Who::Anyone, login::token)
        .quick("/auth/device/token", login::HEADERS, login::quick_token)
        .get("/iap/sdk/orgs", Who::Key, organizations::list)
        .post("/iap/sdk/bootstrap", Who::Key, sdk::bootstrap)
        .post("/iap/sdk/register", Who::Key, sdk::register)
        .post("/iap/sdk/switch-org", Who::Key, switch::organization)
        .get("/api-keys", Who::Key, keys::list)
        .post("/api-keys/{id}/revoke", Who::Key, keys::revoke)
        .and(not_offered::doors())
}
