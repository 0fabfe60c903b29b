//! Routes that a protected API calls for each of its own requests. They bypass the router and the middleware stack: no
//! cookie is read, nothing is compressed, and no request is logged. `Dispatcher` receives every request and chooses
//! between these routes and the router; `RequestInfo` applies the policies of the stack that these routes need too.

mod dispatcher;
mod json_body;
mod request_info;

use std::pin::Pin;

use axum::extract::Request;
use axum::http::Method;
use axum::response::Response;

pub use dispatcher::Dispatcher;
pub use json_body::read_json;
pub use request_info::RequestInfo;

use super::visit::Peer;
use crate::platform::App;

pub type FastHandler = for<'a> fn(&'a App, Peer, Request) -> FastResponse<'a>;

/// A response that is ready now, or a future for one, so that the common case allocates nothing.
pub enum FastResponse<'a> {
    Ready(Response),
    Pending(Pin<Box<dyn Future<Output = Response> + Send + 'a>>),
}

pub struct FastRoute {
    pub requests: RequestMatch,
    pub path: &'static str,
    pub handler: FastHandler,
}

/// The requests that a fast route accepts.
#[derive(Clone, PartialEq, Eq)]
pub enum RequestMatch {
    /// One method and exactly the route's path.
    Exactly(Method),
    /// Any method, and the route's path or any path below it. A proxy may ask with the method and the path of the request
    /// that it is about to forward.
    AnyBelow,
}

impl FastRoute {
    fn has_path(&self, path: &str) -> bool {
        match (path.strip_prefix(self.path), &self.requests) {
            (Some(""), _) => true,
            (Some(below), RequestMatch::AnyBelow) => below.starts_with('/'),
            _ => false,
        }
    }

    fn has_method(&self, method: &Method) -> bool {
        match &self.requests {
            RequestMatch::Exactly(expected) => method == expected,
            RequestMatch::AnyBelow => true,
        }
    }
}
