//! HTTP, from the socket to a route. The layers of the middleware stack, outermost first: Host check
//! (`fast_path::Dispatcher`) → visit (request id, address, log line) → security headers → rendering of errors → header size →
//! cross-site check → time limit → compression → refusal while the database is away → body size → route.

pub mod address;
mod cookie;
mod cross_site;
pub mod fast_path;
mod headers;
pub mod host;
mod limits;
mod path_id;
mod problems;
mod protocol;
mod proxy_hint;
mod routes;
pub mod serve;
pub mod static_files;
mod timeouts;
mod unread;
mod visit;

pub use cookie::cookie;
pub use headers::page_policy;
pub use limits::Availability;
pub use path_id::PathId;
pub use problems::{PageOfProblem, accepts_html};
pub use protocol::{Protocol, Protocols};
pub use proxy_hint::ProxyHint;
pub use routes::{Audience, Route, Routes};
pub use visit::{Peer, THEME_COOKIE, Visit, user_agent};

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state, map_response};
use tower_http::compression::CompressionLayer;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::timeout::{RequestBodyTimeoutLayer, TimeoutLayer};

use super::App;

/// Wraps the routes in the middleware stack. `page` renders a problem as a page.
pub fn stack(
    app: &App,
    routes: Router<App>,
    availability: Availability,
    protocols: Protocols,
    page: PageOfProblem,
) -> Router {
    let limits = &app.config.limits;
    routes
        .layer(RequestBodyLimitLayer::new(limits.max_body.get()))
        .layer(DefaultBodyLimit::disable())
        .layer(RequestBodyTimeoutLayer::new(limits.body_timeout))
        .layer(from_fn_with_state(availability, limits::refuse_while_away))
        .layer(CompressionLayer::new())
        .layer(TimeoutLayer::with_status_code(
            axum::http::StatusCode::SERVICE_UNAVAILABLE,
            limits.request_timeout,
        ))
        .layer(map_response(limits::add_retry_after))
        .layer(from_fn_with_state((app.clone(), protocols.clone()), cross_site::guard))
        .layer(from_fn_with_state(app.clone(), limits::header_size))
        .layer(from_fn(problems::catch_panic))
        .layer(from_fn_with_state((app.clone(), protocols, page), problems::render))
        .layer(from_fn_with_state(app.clone(), headers::secure))
        // A second time, because rendering the page of a problem may panic too.
        .layer(from_fn(problems::catch_panic))
        .layer(from_fn_with_state(app.clone(), visit::begin))
        .with_state(app.clone())
}
