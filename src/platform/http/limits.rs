//! Refuses requests before a handler runs: those with large headers, and those that need the database while it is known to be
//! away. The connection itself refuses much larger headers while it reads them (`serve`).

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::Route;
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

/// Knows which routes work while the database is away.
#[derive(Clone)]
pub struct Availability {
    app: App,
    /// The routes that do not need the database.
    independent: Arc<[&'static str]>,
}

impl Availability {
    pub fn of(app: &App, routes: &[Route]) -> Self {
        let independent =
            routes.iter().filter(|route| !route.needs_database).map(|route| route.path).collect();
        Self { app: app.clone(), independent }
    }

    /// A path without a route counts as one that needs the database.
    fn is_independent(&self, request: &Request) -> bool {
        let route = request.extensions().get::<MatchedPath>();
        route.is_some_and(|route| self.independent.contains(&route.as_str()))
    }
}

/// How long a running request may continue after the database was found to be away, or its connections to be lost.
const LAST_CHANCE: Duration = Duration::from_secs(1);

/// Responds with 503 at once while the database is known to be away, because waiting for a connection would only delay the same
/// response. Running requests end soon after the database was found to be away, or the connections that they may be using to
/// be lost.
pub async fn refuse_while_away(
    State(availability): State<Availability>,
    request: Request,
    next: Next,
) -> Response {
    if availability.is_independent(&request) {
        return next.run(request).await;
    }
    let away = || Error::Unavailable(Box::new(sqlx::Error::from(Fault::Away))).into_response();
    let db = &availability.app.db;
    if db.is_unusable() {
        return away();
    }
    let lost = async {
        db.connections_lost().await;
        tokio::time::sleep(LAST_CHANCE).await;
    };
    tokio::select! {
        biased;
        response = next.run(request) => response,
        () = lost => away(),
    }
}

/// The `Retry-After` of a 503 that has none.
const RETRY_AFTER: Duration = Duration::from_secs(2);

/// Adds `Retry-After` to a 503 without one, such as that of a request that took too long.
pub async fn add_retry_after(mut response: Response) -> Response {
    if response.status() == StatusCode::SERVICE_UNAVAILABLE {
        let seconds = HeaderValue::from(RETRY_AFTER.as_secs());
        response.headers_mut().entry(header::RETRY_AFTER).or_insert(seconds);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_outage_says_when_to_retry() {
        let response = add_retry_after(StatusCode::SERVICE_UNAVAILABLE.into_response()).await;
        assert_eq!(response.headers()[header::RETRY_AFTER], "2");
        let busy = (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "5")]).into_response();
        assert_eq!(add_retry_after(busy).await.headers()[header::RETRY_AFTER], "5");
        let success = add_retry_after(StatusCode::OK.into_response()).await;
        assert!(!success.headers().contains_key(header::RETRY_AFTER));
    }
}
