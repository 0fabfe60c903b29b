//! Endpoints for monitoring: whether the process is alive (`/healthz`), whether it can serve requests (`/readyz`), and its metrics
//! (`/metrics`).

use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use subtle::ConstantTimeEq;

use super::http::{Audience, Protocol, Routes, Visit, host};
use super::metrics::Format;
use super::{App, Error, Problem};

pub fn routes() -> Routes {
    Routes::default()
        .get("/healthz", Audience::Anyone, healthz)
        .without_database()
        .get("/readyz", Audience::Anyone, readyz)
        .without_database()
        .get("/metrics", Audience::Operator, metrics)
        .without_database()
        .protocol(&["/healthz", "/readyz", "/metrics"], Protocol::Api)
}

async fn healthz() -> &'static str {
    "ok\n"
}

async fn readyz(State(app): State<App>) -> Response {
    if app.is_stopping() {
        return Error::Stopping.into_response();
    }
    if let Err(fault) = app.readiness.check(&app.db, &app.clock).await {
        return not_ready(&fault.to_string());
    }
    let steady = app.clock.steady();
    match app.jobs.overdue(steady) {
        None => "ready\n".into_response(),
        Some(status) => {
            let (name, seconds) = (status.name, status.age(steady).as_secs());
            not_ready(&format!("the background job {name} last succeeded {seconds} s ago"))
        }
    }
}

fn not_ready(reason: &str) -> Response {
    Problem::of(StatusCode::SERVICE_UNAVAILABLE)
        .title("Not ready")
        .detail(format!("Not ready: {reason}."))
        .retry_after(Duration::from_secs(2))
        .into_response()
}

async fn metrics(
    State(app): State<App>,
    Extension(visit): Extension<Visit>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<impl IntoResponse, Error> {
    if !is_operator(&app.config.web.metrics_token, &visit, &uri, &headers) {
        return Err(Error::Forbidden(
            "Metrics are for the operator: send metrics_token as a Bearer token or, where none is set, ask from the \
             server's own machine by the host 127.0.0.1, [::1] or localhost."
                .to_owned(),
        ));
    }
    app.measure();
    app.metrics.jobs.set_ages(&app.jobs, app.clock.steady());
    let format = Format::of(&headers);
    let page = app.metrics.encode(&app.db, app.clock.steady(), format);
    Ok(([(header::CONTENT_TYPE, format.content_type()), (header::VARY, "Accept")], page))
}

/// Whether the request comes from the operator: with `metrics_token`, if it has that token; otherwise, if it is a direct call from
/// the same machine. A request that a proxy on this machine forwards is not direct: it has a proxy's headers, or at least a
/// host that is not a loopback address.
fn is_operator(token: &str, visit: &Visit, uri: &Uri, headers: &HeaderMap) -> bool {
    if token.is_empty() {
        let is_direct = !visit.is_forwarded && host::is_loopback(uri, headers);
        return visit.peer.is_loopback() && visit.address.is_loopback() && is_direct;
    }
    let sent = headers.get(header::AUTHORIZATION).and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
    sent.is_some_and(|sent| sent.ct_eq(token.as_bytes()).into())
}
