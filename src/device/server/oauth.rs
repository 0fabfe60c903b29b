//! The OAuth wire: RFC 8628 for devices, RFC 6749's answers, RFC 8414's description. Clients are public: they have an id
//! and no secret, and whoever tries to authenticate is refused.

use std::time::Duration;

use axum::Extension;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, PRAGMA, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::{LoginProtocol, NotBegun, Poll, PollResult, Request, StartedLogin, begin, poll};
use crate::platform::http::{Audience, Protocol, Routes, Visit};
use crate::platform::{App, Problem, Secret};

const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
/// Request parameters that authenticate a client.
const CREDENTIALS: [&str; 3] = ["client_secret", "client_assertion", "client_assertion_type"];
const KNOWN: [&str; 9] = [
    "client_id",
    "client_secret",
    "client_assertion",
    "client_assertion_type",
    "grant_type",
    "device_code",
    "scope",
    "device_id",
    "device_name",
];

pub fn routes() -> Routes {
    Routes::default()
        .post("/oauth/device_authorization", Audience::Anyone, device_authorization)
        .post("/oauth/token", Audience::Anyone, token)
        .get("/.well-known/oauth-authorization-server", Audience::Anyone, metadata)
        .protocol(&["/oauth"], Protocol::Custom(error_form))
        .protocol(&["/.well-known"], Protocol::Api)
}

/// The form of errors that other layers find.
fn error_form(problem: &Problem) -> Response {
    let code = match problem.status.as_u16() {
        429 | 503 => "temporarily_unavailable",
        status if status >= 500 => "server_error",
        _ => "invalid_request",
    };
    answer(problem.status, &json!({ "error": code, "error_description": problem.detail }))
}

/// RFC 6749's error, with what this one has besides.
struct OAuthError {
    status: StatusCode,
    error: &'static str,
    description: String,
    more: Option<(&'static str, Value)>,
    challenge: bool,
}

impl OAuthError {
    fn new(status: StatusCode, error: &'static str, description: impl Into<String>) -> Self {
        Self { status, error, description: description.into(), more: None, challenge: false }
    }

    fn request(description: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request", description)
    }

    fn client(challenge: bool) -> Self {
        let description =
            "This server knows no such client, or the client tried to authenticate; clients are public.";
        Self { challenge, ..Self::new(StatusCode::UNAUTHORIZED, "invalid_client", description) }
    }

    fn grant(error: &'static str, description: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, error, description)
    }
}

impl OAuthError {
    fn body(&self) -> Value {
        let mut body = json!({ "error": self.error, "error_description": self.description });
        if let (Some((name, value)), Some(object)) = (&self.more, body.as_object_mut()) {
            object.insert((*name).to_owned(), value.clone());
        }
        body
    }
}

impl IntoResponse for OAuthError {
    fn into_response(self) -> Response {
        let mut response = answer(self.status, &self.body());
        if self.challenge {
            let value = HeaderValue::from_static("Basic realm=\"Latchkey\"");
            response.headers_mut().insert(WWW_AUTHENTICATE, value);
        }
        response
    }
}

const HEADERS: [(HeaderName, HeaderValue); 2] = [
    (CONTENT_TYPE, HeaderValue::from_static("application/json")),
    (PRAGMA, HeaderValue::from_static("no-cache")),
];

/// What is not stored by browsers and proxies: `Cache-Control` stands on every answer of this server.
fn answer(status: StatusCode, body: &Value) -> Response {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().extend(HEADERS);
    response
}

/// The parameters of a form. An empty parameter counts as omitted.
struct Parameters {
    values: Vec<(&'static str, String)>,
    header: bool,
}

impl Parameters {
    fn read(headers: &HeaderMap, body: &Bytes) -> Result<Self, OAuthError> {
        let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        if !kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return Err(OAuthError::request("Send the parameters as application/x-www-form-urlencoded."));
        }
        let mut values: Vec<(&str, String)> = Vec::with_capacity(KNOWN.len());
        for (name, value) in url::form_urlencoded::parse(body).filter(|(_, value)| !value.is_empty()) {
            let Some(name) = KNOWN.into_iter().find(|known| name == *known) else { continue };
            if values.iter().any(|(known, _)| *known == name) {
                return Err(OAuthError::request(format!("The parameter {name} is there more than once.")));
            }
            values.push((name, value.into_owned()));
        }
        Ok(Self { values, header: headers.contains_key(AUTHORIZATION) })
    }

    fn find(&self, name: &str) -> Option<&str> {
        self.values.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }

    fn get(&self, name: &str) -> Result<&str, OAuthError> {
        self.find(name).ok_or_else(|| OAuthError::request(format!("The parameter {name} is missing.")))
    }

    /// A client that names itself in the header alone has named itself.
    fn client(&self) -> Result<&str, OAuthError> {
        match self.find("client_id") {
            None if !self.header => self.get("client_id"),
            Some(id) if !self.authenticates() => Ok(id),
            _ => Err(OAuthError::client(self.header)),
        }
    }

    fn authenticates(&self) -> bool {
        self.header || CREDENTIALS.iter().any(|name| self.find(name).is_some())
    }
}

async fn device_authorization(
    State(app): State<App>,
    Extension(visit): Extension<Visit>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Response> {
    let given = Parameters::read(&headers, &body).map_err(OAuthError::into_response)?;
    let client_id = given.client().map_err(OAuthError::into_response)?;
    let request = Request {
        wire: LoginProtocol::OAuth,
        client_id,
        scope: given.find("scope").unwrap_or_default(),
        product: None,
        device_id: given.find("device_id"),
        device_name: given.find("device_name"),
        visit: &visit,
    };
    match begin(&app, &request).await {
        Ok(begun) => Ok(answer(StatusCode::OK, &told(&begun))),
        Err(NotBegun::Error(error)) => Err(error.into_response()),
        Err(NotBegun::UnknownClient) => Err(OAuthError::client(false).into_response()),
        Err(NotBegun::Invalid(why)) => Err(OAuthError::request(why).into_response()),
        Err(NotBegun::InvalidScope) => {
            let why = "The scope is empty or one of viewer, member, admin and owner.";
            Err(OAuthError::grant("invalid_scope", why).into_response())
        }
    }
}

fn told(begun: &StartedLogin) -> Value {
    let mut body = json!({
        "device_code": begun.device_code.expose(),
        "user_code": begun.user_code.shown(),
        "verification_uri": begun.verification_uri,
        "expires_in": begun.expires_in.as_secs(),
        "interval": begun.interval.as_secs(),
    });
    if let Some(complete) = &begun.verification_uri_complete {
        body["verification_uri_complete"] = json!(complete);
    }
    body
}

async fn token(
    State(app): State<App>,
    Extension(visit): Extension<Visit>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Response> {
    let (client_id, code) = judged(&app, &headers, &body).map_err(OAuthError::into_response)?;
    let wanted =
        Poll { wire: LoginProtocol::OAuth, client_id: &client_id, device_code: &code, visit: &visit };
    let refused = match poll(&app, &wanted).await {
        Ok(granted) => {
            let key = granted.key.key;
            let mut body = json!({
                "access_token": granted.key.plaintext.expose(),
                "token_type": "Bearer",
                "scope": key.role.as_str(),
                "email": granted.email,
                "user_id": granted.user_id.to_string(),
                "org_id": granted.org_id.to_string(),
            });
            if let Some(end) = key.expires_at {
                body["expires_in"] = json!(end.since(app.clock.now()).as_secs());
            }
            return Ok(answer(StatusCode::OK, &body));
        }
        Err(PollResult::Error(error)) => return Err(error.into_response()),
        Err(PollResult::UnknownClient) => OAuthError::client(false),
        Err(PollResult::Unknown) => {
            OAuthError::grant("invalid_grant", "There is no such device code, or it was used.")
        }
        Err(PollResult::Denied) => OAuthError::grant("access_denied", "The login was denied."),
        Err(PollResult::Expired) => {
            OAuthError::grant("expired_token", "The code was not approved in time. Start the login again.")
        }
        Err(PollResult::Pending) => waits(),
        Err(PollResult::SlowDown(interval)) => too_early(interval),
    };
    Err(refused.into_response())
}

fn waits() -> OAuthError {
    OAuthError::grant("authorization_pending", "The login waits for approval.")
}

fn too_early(interval: Duration) -> OAuthError {
    OAuthError {
        more: Some(("interval", json!(interval.as_secs()))),
        ..OAuthError::grant("slow_down", "Ask less often.")
    }
}

/// Returns the client and its device code, or the first error.
fn judged(app: &App, headers: &HeaderMap, body: &Bytes) -> Result<(String, Secret), OAuthError> {
    let given = Parameters::read(headers, body)?;
    let grant = given.get("grant_type")?;
    if grant == GRANT {
        given.get("device_code")?;
    }
    let client = given.client()?;
    if super::clients::name_of(app, client).is_none() {
        return Err(OAuthError::client(false));
    }
    if grant != GRANT {
        let why = format!("The one grant type of this server is {GRANT}.");
        return Err(OAuthError::new(StatusCode::BAD_REQUEST, "unsupported_grant_type", why));
    }
    Ok((client.to_owned(), Secret::new(given.get("device_code")?)))
}

async fn metadata(State(app): State<App>) -> Response {
    let origin = app.public_url.origin();
    answer(
        StatusCode::OK,
        &json!({
            "issuer": origin,
            "device_authorization_endpoint": format!("{origin}/oauth/device_authorization"),
            "token_endpoint": format!("{origin}/oauth/token"),
            "grant_types_supported": [GRANT],
            "token_endpoint_auth_methods_supported": ["none"],
            "response_types_supported": ["none"],
        }),
    )
}
