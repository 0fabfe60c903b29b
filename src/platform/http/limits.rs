//! What is refused before a handler runs: headers that are too large, and everything that needs a database that is known to
//! be away. The connection itself refuses far larger headers before they are read whole (`serve`).

use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::platform::db::Fault;
use crate::platform::{App, Error};

pub async fn header_size(State(app): State<App>, request: Request, next: Next) -> Response {
    if has_large_headers(&app, &request) {
        return Error::HeadersTooLarge.into_response();
    }
    next.run(request).await
}

pub fn has_large_headers(app: &App, request: &Request) -> bool {
    let size: usize = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    let address = request.uri().path_and_query().map_or(0, |address| address.as_str().len());
    let method = request.method().as_str().len();
    size + address + method > app.config.limits.max_headers.get()
}

/// Answers 503 at once while the database is known to be away: waiting for a connection would only delay the same response.
pub async fn refuse_while_away(State(app): State<App>, request: Request, next: Next) -> Response {
    if app.db.is_away() && needs_database(request.uri().path()) {
        return Error::Unavailable(Box::new(sqlx::Error::from(Fault::Away))).into_response();
    }
    next.run(request).await
}

fn needs_database(path: &str) -> bool {
    let without = ["/healthz", "/readyz", "/metrics", "/favicon.svg", "/robots.txt"];
    !without.contains(&path) && !path.starts_with("/assets/")
}

/// The `Retry-After` of a 503 that has none.
const SOON: Duration = Duration::from_secs(2);

/// Adds `Retry-After` to a 503 without it, such as that of a request that took too long.
pub async fn say_when_to_retry(mut response: Response) -> Response {
    if response.status() == StatusCode::SERVICE_UNAVAILABLE {
        let soon = HeaderValue::from(SOON.as_secs());
        response.headers_mut().entry(header::RETRY_AFTER).or_insert(soon);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_outage_says_when_to_retry() {
        let response = say_when_to_retry(StatusCode::SERVICE_UNAVAILABLE.into_response()).await;
        assert_eq!(response.headers()[header::RETRY_AFTER], "2");
        let busy = (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "5")]).into_response();
        assert_eq!(say_when_to_retry(busy).await.headers()[header::RETRY_AFTER], "5");
        let fine = say_when_to_retry(StatusCode::OK.into_response()).await;
        assert!(!fine.headers().contains_key(header::RETRY_AFTER));
    }
}
