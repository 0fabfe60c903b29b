//! The wire of the published ArmorIQ clients (PyPI and npm), as they are: their addresses, their names for things, and
//! what they do with an answer. Everything is JSON, refusals carry `message`, nothing redirects. The rules are those of
//! the services below; what differs from `/api/v1` is that every plan may come this way, since these clients drop their
//! login at a 403.

mod caller;
mod health;
mod keys;
mod organizations;
mod registration;
mod sdk;

use crate::platform::http::{Doors, Who};

pub fn doors() -> Doors {
    Doors::default()
        .get("/health", Who::Anyone, health::show)
        .get("/iap/sdk/orgs", Who::Key, organizations::list)
        .post("/iap/sdk/bootstrap", Who::Key, sdk::bootstrap)
        .post("/iap/sdk/register", Who::Key, sdk::register)
        .get("/api-keys", Who::Key, keys::list)
        .post("/api-keys/{id}/revoke", Who::Key, keys::revoke)
}
