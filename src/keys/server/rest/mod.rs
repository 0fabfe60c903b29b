//! The REST endpoints of keys: the checks (`authorize`, `verify`), which are fast routes, managing keys, their usage, and
//! the calling key itself.

mod approvals;
mod authorize;
mod bodies;
mod caller;
mod list;
mod manage;
mod me;
mod permissions;
mod presented_key;
mod proxy_query;
mod refusals;
mod schemas;
mod usage;
mod verify;

use axum::http::Method;
use utoipa::OpenApi;
use utoipa_axum::routes;

pub use bodies::{WaitingApprovalBody, respond, with_limits};
pub use caller::{ANY_KEY, ApiCaller};
pub use presented_key::{PresentedKey, status_of};
pub use proxy_query::MistakeLog;

use crate::keys::Status;
use crate::platform::http::fast_path::FastResponse;
use crate::platform::http::{Audience, Protocol, Routes};
use schemas::KeyOrder;

/// The documentation of the fast routes, and of schemas that only query parameters refer to.
#[derive(OpenApi)]
#[openapi(paths(authorize::authorize, verify::verify), components(schemas(Status, KeyOrder)))]
struct Checks;

pub fn routes() -> Routes {
    Routes::default()
        .fast_below(authorize::PATH, Audience::Key, authorize::authorize)
        .fast(Method::POST, "/api/v1/keys/verify", Audience::Key, |app, peer, request| {
            FastResponse::Pending(Box::pin(verify::verify(app, peer, request)))
        })
        .protocol(&["/api"], Protocol::Api)
        .describe(Checks::openapi())
        .documented(Audience::Key, routes!(me::show))
        .documented(Audience::Key, routes!(list::list, manage::create))
        .documented(Audience::Key, routes!(manage::show, manage::edit))
        .documented(Audience::Key, routes!(manage::rotate))
        .documented(Audience::Key, routes!(manage::finish))
        .documented(Audience::Key, routes!(manage::extend))
        .documented(Audience::Key, routes!(manage::disable))
        .documented(Audience::Key, routes!(manage::enable))
        .documented(Audience::Key, routes!(manage::revoke))
        .documented(Audience::Key, routes!(usage::show))
        .documented(Audience::Key, routes!(refusals::list))
        .documented(Audience::Key, routes!(refusals::list_all))
        .documented(Audience::Key, routes!(approvals::list))
        .documented(Audience::Key, routes!(approvals::show))
        .documented(Audience::Key, routes!(approvals::withdraw))
        .documented(Audience::Key, routes!(permissions::list, permissions::add))
        .documented(Audience::Key, routes!(permissions::describe, permissions::remove))
}
