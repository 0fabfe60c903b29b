//! What is known about a request when it arrives (`Visit`), and one log line about it when it is finished. The response has the
//! request id that is in the log line.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument;

use super::{address, cookie, proxy_hint};
use crate::platform::App;
use crate::shared::Theme;

/// Set by `POST /preferences/theme`. Without it, the theme of the operating system applies.
pub const THEME_COOKIE: &str = "latchkey_theme";
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The address of the other end of the socket.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);

#[derive(Clone, Debug)]
pub struct Visit {
    pub request_id: String,
    /// The caller's address, read from the headers of trusted proxies.
    pub address: IpAddr,
    /// The other end of the socket.
    pub peer: IpAddr,
    /// Whether the request came through a proxy, trusted or not.
    pub is_forwarded: bool,
    pub user_agent: String,
    /// The Host header, when it is not that of `public_url`.
    pub other_host: Option<String>,
    /// The theme that the person chose. Every page needs it, including error pages.
    pub theme: Theme,
}

impl Visit {
    fn of(app: &App, request: &Request) -> Self {
        let headers = request.headers();
        let peer = request
            .extensions()
            .get::<Peer>()
            .map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |Peer(address)| address.ip().to_canonical());
        // HTTP/2 carries the host in the request's address.
        let host = request
            .uri()
            .authority()
            .map(|authority| authority.as_str())
            .or_else(|| headers.get(header::HOST).and_then(|value| value.to_str().ok()));
        let ours = app.public_url.authority();
        let other_host = host.filter(|host| !host.eq_ignore_ascii_case(ours)).map(str::to_owned);
        Self {
            request_id: app.request_id(),
            address: caller_address(app, peer, headers),
            peer,
            user_agent: user_agent(headers).into_owned(),
            is_forwarded: address::is_forwarded(headers),
            other_host,
            theme: cookie(headers, THEME_COOKIE).and_then(Theme::parse).unwrap_or_default(),
        }
    }
}

/// The method as a metrics label. Other methods share one label, since a client can send any word.
pub fn method_label(method: &Method) -> &'static str {
    ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
        .into_iter()
        .find(|label| method.as_str() == *label)
        .unwrap_or("other")
}

/// The caller's address, read from the headers of trusted proxies. Logs a hint when an untrusted peer sends such headers.
pub fn caller_address(app: &App, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
    let trusted = &app.config.web.trusted_proxies;
    if headers.keys().any(proxy_hint::names_a_caller) {
        app.proxy_hint.note(peer, trusted);
    }
    address::caller(peer, headers, trusted)
}

/// The User-Agent, cut to 200 characters and without control characters, which could forge a line of the log.
pub fn user_agent(headers: &HeaderMap) -> Cow<'_, str> {
    const LONGEST: usize = 200;
    let Some(sent) = headers.get(header::USER_AGENT) else { return Cow::Borrowed("") };
    match sent.to_str() {
        Ok(text) if text.len() <= LONGEST => Cow::Borrowed(text),
        _ => {
            let text = String::from_utf8_lossy(sent.as_bytes());
            text.chars().filter(|c| !c.is_control()).take(LONGEST).collect::<String>().into()
        }
    }
}

/// The middleware that creates the `Visit`, and logs and counts the response.
pub async fn begin(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let started = app.clock.steady();
    let running = app.metrics.begin();
    let visit = Visit::of(&app, &request);
    let method = method_label(request.method());
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let id = visit.request_id.clone();
    request.extensions_mut().insert(visit);
    let span = tracing::info_span!("request", id, method, route);

    let mut response = next.run(request).instrument(span.clone()).await;

    let took = app.clock.steady().saturating_sub(started);
    let status = response.status().as_u16();
    app.metrics.record_response(method, &route, status, took);
    drop(running);
    span.in_scope(|| tracing::info!(status, ms = took.as_micros() as f64 / 1_000.0, "request finished"));
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}
