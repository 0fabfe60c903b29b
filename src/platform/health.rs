//! What machines ask: is the process alive (`/healthz`), may it get requests (`/readyz`), how is it doing (`/metrics`).

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::IntoResponse;

use super::http::{Doors, Visit, Who};
use super::{App, Error};

pub fn doors() -> Doors {
    Doors::default().get("/healthz", Who::Anyone, healthz).get("/readyz", Who::Anyone, readyz).get(
        "/metrics",
        Who::Operator,
        metrics,
    )
}

async fn healthz() -> &'static str {
    "ok\n"
}

async fn readyz(State(app): State<App>) -> Result<&'static str, Error> {
    if app.is_stopping() {
        return Err(Error::Stopping);
    }
    app.db.ping().await.map_err(|error| Error::Unavailable(error.into()))?;
    Ok("ready\n")
}

async fn metrics(
    State(app): State<App>,
    Extension(visit): Extension<Visit>,
    headers: HeaderMap,
) -> Result<impl IntoResponse, Error> {
    if !is_operator(&app.config.web.metrics_token, &visit, &headers) {
        return Err(Error::Forbidden(
            "Metrics are for the operator: send metrics_token as a Bearer token, or ask from the server's own machine."
                .to_owned(),
        ));
    }
    let page = app.metrics.encode(app.db.pool().size(), app.clock.steady());
    Ok(([(header::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], page))
}

/// With a token, its bearer; without one, a direct call from the same machine. What came through a proxy on this
/// machine is not direct.
fn is_operator(token: &str, visit: &Visit, headers: &HeaderMap) -> bool {
    if token.is_empty() {
        return visit.peer.is_loopback() && !visit.forwarded && visit.address.is_loopback();
    }
    let sent = headers.get(header::AUTHORIZATION).and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
    sent.is_some_and(|sent| same(sent, token.as_bytes()))
}

/// Takes the same time wherever the first difference is.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |difference, (a, b)| difference | (a ^ b)) == 0
}
