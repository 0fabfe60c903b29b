//! The way of every request, from the socket to a route and back, outermost first: Host (`fast_path::Dispatcher`) →
//! visit (id, address, clock) → security headers → problems get their form → header size → cross-site check → time →
//! compression → is the database away? → body size → route.

pub mod address;
mod cookie;
mod cross_site;
pub mod fast_path;
mod headers;
pub mod host;
mod limits;
mod pace;
mod path_id;
mod problems;
mod protocol;
mod proxy_hint;
mod routes;
pub mod serve;
pub mod static_files;
mod unread;
mod visit;

pub use cookie::cookie;
pub use headers::page_policy;
pub use limits::Availability;
pub use path_id::PathId;
pub use problems::PageOfProblem;
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

use super::{App, Problem};

/// Wraps the routes. `page` draws a problem for people.
pub fn stack(
    app: &App,
    routes: Router<App>,
    availability: Availability,
    protocols: Protocols,
    page: PageOfProblem,
) -> Router {
    let limits = &app.config.limits;
    routes
        .fallback(|| async { Problem::of(axum::http::StatusCode::NOT_FOUND) })
        .layer(RequestBodyLimitLayer::new(limits.max_body.get()))
        .layer(DefaultBodyLimit::disable())
        .layer(RequestBodyTimeoutLayer::new(limits.body_timeout))
        .layer(from_fn_with_state(availability, limits::refuse_while_away))
        .layer(CompressionLayer::new())
        .layer(TimeoutLayer::with_status_code(
            axum::http::StatusCode::SERVICE_UNAVAILABLE,
            limits.request_timeout,
        ))
        .layer(map_response(limits::say_when_to_retry))
        .layer(from_fn_with_state((app.clone(), protocols.clone()), cross_site::guard))
        .layer(from_fn_with_state(app.clone(), limits::header_size))
        .layer(from_fn(problems::catch_panic))
        .layer(from_fn_with_state((app.clone(), protocols, page), problems::give_form))
        .layer(from_fn_with_state(app.clone(), headers::secure))
        // Once more outside: drawing the page of a problem may fail too.
        .layer(from_fn(problems::catch_panic))
        .layer(from_fn_with_state(app.clone(), visit::begin))
        .with_state(app.clone())
}
