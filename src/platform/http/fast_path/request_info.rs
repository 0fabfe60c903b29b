//! What a fast route knows about its request, and the headers that it adds to its response.

use std::net::IpAddr;

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};

use crate::platform::http::visit::{self, Peer};
use crate::platform::http::{limits, problems};
use crate::platform::{App, Error, Problem};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

pub struct RequestInfo {
    pub request_id: String,
    /// The caller's address, read from the headers of trusted proxies.
    pub address: IpAddr,
}

impl RequestInfo {
    /// Refuses headers that are too large.
    pub fn of(app: &App, Peer(peer): Peer, request: &Request) -> Result<Self, Box<Response>> {
        let address = visit::caller_address(app, peer.ip(), request.headers());
        let info = Self { request_id: app.request_id(), address };
        if limits::has_large_headers(app, request) {
            return Err(Box::new(info.problem(Error::HeadersTooLarge)));
        }
        Ok(info)
    }

    /// For a request whose headers are not read.
    pub(super) fn without_caller(app: &App, Peer(peer): Peer) -> Self {
        Self { request_id: app.request_id(), address: peer.ip() }
    }

    /// Adds the headers that every response of a fast route has.
    pub fn finish(self, mut response: Response) -> Response {
        let headers = response.headers_mut();
        if let Ok(id) = HeaderValue::from_maybe_shared(Bytes::from(self.request_id)) {
            headers.insert(REQUEST_ID, id);
        }
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        response
    }

    /// A refusal as problem+json.
    pub fn problem(self, problem: impl IntoResponse) -> Response {
        let mut response = problem.into_response();
        if let Some(problem) = response.extensions_mut().remove::<Problem>() {
            *response.body_mut() = Body::from(problems::problem_text(&problem, &self.request_id));
            let kind = HeaderValue::from_static(problems::PROBLEM_JSON);
            response.headers_mut().insert(header::CONTENT_TYPE, kind);
        }
        self.finish(response)
    }
}
