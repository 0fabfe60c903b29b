//! Receives every request: refuses an invalid host, then calls a fast route or the router inside its middleware stack.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use futures_util::FutureExt;
use tower::ServiceExt;

use super::{FastResponse, FastRoute, RequestInfo, RequestMatch};
use crate::platform::http::visit::{Peer, method_label};
use crate::platform::http::{headers, host, limits};
use crate::platform::{App, Error, Problem};

#[derive(Clone)]
pub struct Dispatcher {
    app: App,
    fast_routes: Arc<[FastRoute]>,
    router: Router,
}

impl Dispatcher {
    pub fn new(app: &App, fast_routes: Vec<FastRoute>, router: Router) -> Self {
        Self { app: app.clone(), fast_routes: fast_routes.into(), router }
    }

    pub async fn respond(&self, peer: Peer, request: Request) -> Response {
        if let Some(reason) = host::fault(&request, self.app.public_url.authority()) {
            return self.refuse_host(peer, &request, reason);
        }
        let path = request.uri().path();
        match self.fast_routes.iter().find(|route| route.has_path(path)) {
            Some(route) => self.respond_fast(route, peer, request).await,
            // Boxed, so that the future of a fast route stays small.
            None => Box::pin(self.respond_by_router(peer, request)).await,
        }
    }

    async fn respond_fast(&self, route: &FastRoute, peer: Peer, request: Request) -> Response {
        if !route.has_method(request.method()) {
            return self.refuse_method(route, peer, &request);
        }
        let response = async {
            match (route.handler)(&self.app, peer, request) {
                FastResponse::Ready(response) => response,
                // Boxed, so that the future of a response that is ready stays small.
                FastResponse::Pending(response) => Box::pin(self.respond_in_time(peer, response)).await,
            }
        };
        match AssertUnwindSafe(response).catch_unwind().await {
            Ok(response) => response,
            Err(_) => {
                RequestInfo::without_caller(&self.app, peer).problem(Error::internal("a handler panicked"))
            }
        }
    }

    /// Ends with the same problem as other routes. Dropping the future ends what it waits for, so that requests that wait for
    /// the same result try themselves.
    async fn respond_in_time(&self, peer: Peer, response: impl Future<Output = Response>) -> Response {
        match tokio::time::timeout(self.app.config.limits.request_timeout, response).await {
            Ok(response) => response,
            Err(_) => {
                let info = RequestInfo::without_caller(&self.app, peer);
                limits::add_retry_after(info.problem(Problem::of(StatusCode::SERVICE_UNAVAILABLE))).await
            }
        }
    }

    async fn respond_by_router(&self, peer: Peer, mut request: Request) -> Response {
        request.extensions_mut().insert(peer);
        let Ok(response) = self.router.clone().oneshot(request).await;
        response
    }

    fn refuse_host(&self, peer: Peer, request: &Request, reason: &'static str) -> Response {
        let info = RequestInfo::without_caller(&self.app, peer);
        tracing::info!(id = info.request_id, status = 400, reason, "request finished");
        self.app.metrics.record_response(method_label(request.method()), "none", 400, Duration::ZERO);
        let mut response = info.problem(Problem::of(StatusCode::BAD_REQUEST).detail(reason));
        headers::add(&self.app, response.headers_mut());
        response
    }

    fn refuse_method(&self, route: &FastRoute, peer: Peer, request: &Request) -> Response {
        let mut response = match RequestInfo::of(&self.app, peer, request) {
            Ok(info) => info.problem(Problem::of(StatusCode::METHOD_NOT_ALLOWED)),
            Err(refused) => *refused,
        };
        if let RequestMatch::Exactly(method) = &route.requests
            && let Ok(allowed) = HeaderValue::from_str(method.as_str())
        {
            response.headers_mut().insert(header::ALLOW, allowed);
        }
        response
    }
}
