//! The public API, `/api/v1`: the same services as the pages', for programs with a key. Checks of keys (`authorize`,
//! `verify`) stand outside of the stack, since they are asked at every request of somebody's API.

mod audit;
mod authorize;
mod body;
mod caller;
mod keys;
mod me;
mod openapi;
mod presented;
mod proxy_query;
mod refusals;
mod schemas;
mod shape;
mod usage;
mod verify;

pub use body::Body;
pub use caller::{ANY, Caller};
pub use presented::{Presented, refusal};
pub use proxy_query::MistakeLog;
pub use shape::Told;

use axum::http::Method;

use crate::platform::http::lean::Answer;
use crate::platform::http::{Doors, Who};

pub fn doors() -> Doors {
    Doors::default()
        .lean(Method::GET, "/api/v1/authorize", Who::Key, authorize::authorize)
        .lean(Method::POST, "/api/v1/keys/verify", Who::Key, |app, peer, request| {
            Answer::Later(Box::pin(verify::verify(app, peer, request)))
        })
        .get("/api/v1/openapi.json", Who::Anyone, openapi::show)
        .get("/api/v1/me", Who::Key, me::show)
        .get("/api/v1/keys", Who::Key, keys::list)
        .post("/api/v1/keys", Who::Key, keys::create)
        .get("/api/v1/keys/{id}", Who::Key, keys::show)
        .patch("/api/v1/keys/{id}", Who::Key, keys::edit)
        .post("/api/v1/keys/{id}/rotate", Who::Key, keys::rotate)
        .post("/api/v1/keys/{id}/finish", Who::Key, keys::finish)
        .post("/api/v1/keys/{id}/extend", Who::Key, keys::extend)
        .post("/api/v1/keys/{id}/disable", Who::Key, keys::disable)
        .post("/api/v1/keys/{id}/enable", Who::Key, keys::enable)
        .post("/api/v1/keys/{id}/revoke", Who::Key, keys::revoke)
        .get("/api/v1/keys/{id}/usage", Who::Key, usage::show)
        .get("/api/v1/audit", Who::Key, audit::list)
}
