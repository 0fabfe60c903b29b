//! The public API, `/api/v1`: the services of the pages for programs with a key. The checks of keys (`authorize`, `verify`)
//! are fast routes, because protected APIs call them for every request.

mod audit;
mod authorize;
mod body;
mod caller;
mod json;
mod keys;
mod me;
mod openapi;
mod presented;
mod proxy_query;
mod refusals;
mod schemas;
mod usage;
mod verify;

pub use body::Body;
pub use caller::{ANY, Caller};
pub use json::ApiError;
pub use presented::{Presented, refusal};
pub use proxy_query::MistakeLog;

use axum::http::Method;

use crate::platform::http::fast_path::FastResponse;
use crate::platform::http::{Audience, Routes};

pub fn routes() -> Routes {
    Routes::default()
        .fast_below(authorize::PATH, Audience::Key, authorize::authorize)
        .fast(Method::POST, "/api/v1/keys/verify", Audience::Key, |app, peer, request| {
            FastResponse::Pending(Box::pin(verify::verify(app, peer, request)))
        })
        .get("/api/v1/openapi.json", Audience::Anyone, openapi::show)
        .get("/api/v1/me", Audience::Key, me::show)
        .get("/api/v1/keys", Audience::Key, keys::list)
        .post("/api/v1/keys", Audience::Key, keys::create)
        .get("/api/v1/keys/{id}", Audience::Key, keys::show)
        .patch("/api/v1/keys/{id}", Audience::Key, keys::edit)
        .post("/api/v1/keys/{id}/rotate", Audience::Key, keys::rotate)
        .post("/api/v1/keys/{id}/finish", Audience::Key, keys::finish)
        .post("/api/v1/keys/{id}/extend", Audience::Key, keys::extend)
        .post("/api/v1/keys/{id}/disable", Audience::Key, keys::disable)
        .post("/api/v1/keys/{id}/enable", Audience::Key, keys::enable)
        .post("/api/v1/keys/{id}/revoke", Audience::Key, keys::revoke)
        .get("/api/v1/keys/{id}/usage", Audience::Key, usage::show)
        .get("/api/v1/audit", Audience::Key, audit::list)
}
