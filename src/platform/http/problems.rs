//! Renders errors that a handler did not render itself: as a page for people, as problem+json for programs, or in the form of a slice's own protocol. Errors of
//! axum and of the inner layers (405, 413, 415, 422, …) are rendered here too.

use std::panic::AssertUnwindSafe;
use std::pin::Pin;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use serde::Serialize;

use super::{Protocol, Protocols, Visit};
use crate::platform::{App, Error, Problem};

/// Renders a problem as a page. The response is the one that the page replaces.
pub type PageOfProblem = fn(App, Visit, Problem, Response) -> Pin<Box<dyn Future<Output = Response> + Send>>;

pub async fn render(
    State((app, protocols, page)): State<(App, Protocols, PageOfProblem)>,
    request: Request,
    next: Next,
) -> Response {
    let protocol = protocols.of(request.uri().path());
    let wants_page = matches!(protocol, Protocol::Pages) && accepts_html(request.headers());
    let visit = request.extensions().get::<Visit>().cloned();
    let response = next.run(request).await;
    let status = response.status();
    if !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let problem = match response.extensions().get::<Problem>() {
        Some(problem) => problem.clone(),
        None if is_rendered(&response) => return response,
        None => Problem::of(status),
    };
    let Some(visit) = visit else { return response };
    let headers = response.headers().clone();
    let mut rendered = match protocol {
        Protocol::Pages if wants_page => page(app, visit, problem, response).await,
        Protocol::Pages | Protocol::Api => problem_json(&problem, &visit),
        Protocol::Custom(form) => form(&problem),
    };
    *rendered.status_mut() = status;
    for name in [header::ALLOW, header::RETRY_AFTER, header::WWW_AUTHENTICATE] {
        if let Some(value) = headers.get(&name) {
            rendered.headers_mut().insert(name, value.clone());
        }
    }
    rendered
}

/// Turns a panic into a 500, so that it does not end the connection.
pub async fn catch_panic(request: Request, next: Next) -> Response {
    match AssertUnwindSafe(next.run(request)).catch_unwind().await {
        Ok(response) => response,
        Err(_) => Error::internal("a handler panicked").into_response(),
    }
}

/// Whether the handler rendered the error itself, such as a form with its errors.
fn is_rendered(response: &Response) -> bool {
    let kind =
        response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    kind.starts_with("text/html") || kind.contains("json")
}

/// Whether the client asks for HTML, as browsers do. `*/*` alone does not count.
pub fn accepts_html(headers: &HeaderMap) -> bool {
    headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .any(|value| value.to_ascii_lowercase().contains("text/html"))
}

fn problem_json(problem: &Problem, visit: &Visit) -> Response {
    let mut response = Response::new(Body::from(problem_text(problem, &visit.request_id)));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
    response
}

pub(super) const PROBLEM_JSON: &str = "application/problem+json";

/// The fields of RFC 9457, and `error` and `message`, which published clients read.
#[derive(Serialize)]
struct ProblemBody<'a> {
    r#type: &'static str,
    title: &'a str,
    status: u16,
    detail: &'a str,
    request_id: &'a str,
    error: &'a str,
    message: &'a str,
}

pub(super) fn problem_text(problem: &Problem, request_id: &str) -> String {
    let body = ProblemBody {
        r#type: "about:blank",
        title: problem.title,
        status: problem.status.as_u16(),
        detail: &problem.detail,
        request_id,
        error: problem.title,
        message: &problem.detail,
    };
    let mut text = Vec::with_capacity(512);
    // Serializing strings and a number cannot fail, and the result is UTF-8.
    let _ = serde_json::to_writer(&mut text, &body);
    let text = String::from_utf8(text).unwrap_or_default();
    match text.strip_suffix('}') {
        Some(open) if !problem.more.is_empty() => {
            let more = problem.more.iter().map(|(name, value)| format!(",\"{name}\":{value}"));
            format!("{open}{}}}", more.collect::<String>())
        }
        _ => text,
    }
}
