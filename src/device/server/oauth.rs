//! The OAuth endpoints: RFC 8628 for devices, RFC 6749 for responses, RFC 8414 for metadata. Clients are public: they have
//! an id and no secret, and a client that tries to authenticate is rejected.

use std::time::Duration;

use axum::Extension;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, PRAGMA, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::{BeginLogin, BeginLoginError, LoginProtocol, Poll, PollError, StartedLogin, begin, poll};
use crate::platform::http::{Audience, Protocol, Routes, Visit};
use crate::platform::{App, Problem, Secret};

const DEVICE_CODE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
/// Request parameters that authenticate a client.
const CREDENTIALS: [&str; 3] = ["client_secret", "client_assertion", "client_assertion_type"];
/// The parameters that are read. Others are ignored.
const PARAMETERS: [&str; 9] = [
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

/// Renders an error of another layer in OAuth's format.
fn error_form(problem: &Problem) -> Response {
    let code = match problem.status.as_u16() {
        429 | 503 => "temporarily_unavailable",
        status if status >= 500 => "server_error",
        _ => "invalid_request",
    };
    json_response(problem.status, &json!({ "error": code, "error_description": problem.detail }))
}

/// An error response of RFC 6749.
struct OAuthError {
    status: StatusCode,
    error: &'static str,
    description: String,
    /// An additional field of the body.
    extra_field: Option<(&'static str, Value)>,
    /// Whether to send `WWW-Authenticate`.
    challenge: bool,
}

impl OAuthError {
    fn new(status: StatusCode, error: &'static str, description: impl Into<String>) -> Self {
        Self { status, error, description: description.into(), extra_field: None, challenge: false }
    }

    fn request(description: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request", description)
    }

    fn client(challenge: bool) -> Self {
        let description =
            "The client is unknown, or it tried to authenticate. Clients of this server are public.";
        Self { challenge, ..Self::new(StatusCode::UNAUTHORIZED, "invalid_client", description) }
    }

    fn grant(error: &'static str, description: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, error, description)
    }
}

impl OAuthError {
    fn body(&self) -> Value {
        let mut body = json!({ "error": self.error, "error_description": self.description });
        if let (Some((name, value)), Some(object)) = (&self.extra_field, body.as_object_mut()) {
            object.insert((*name).to_owned(), value.clone());
        }
        body
    }
}

impl IntoResponse for OAuthError {
    fn into_response(self) -> Response {
        let mut response = json_response(self.status, &self.body());
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

/// A JSON response. `Cache-Control: no-store` is not set here, because every response of this server has it.
fn json_response(status: StatusCode, body: &Value) -> Response {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().extend(HEADERS);
    response
}

/// The parameters of a form. An empty parameter counts as omitted.
struct Parameters {
    values: Vec<(&'static str, String)>,
    has_authorization: bool,
}

impl Parameters {
    fn read(headers: &HeaderMap, body: &Bytes) -> Result<Self, OAuthError> {
        let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        if !kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return Err(OAuthError::request("Send the parameters as application/x-www-form-urlencoded."));
        }
        let mut values: Vec<(&str, String)> = Vec::with_capacity(PARAMETERS.len());
        for (name, value) in url::form_urlencoded::parse(body).filter(|(_, value)| !value.is_empty()) {
            let Some(name) = PARAMETERS.into_iter().find(|parameter| name == *parameter) else { continue };
            if values.iter().any(|(existing, _)| *existing == name) {
                return Err(OAuthError::request(format!("The parameter {name} occurs more than once.")));
            }
            values.push((name, value.into_owned()));
        }
        Ok(Self { values, has_authorization: headers.contains_key(AUTHORIZATION) })
    }

    fn find(&self, name: &str) -> Option<&str> {
        self.values.iter().find(|(parameter, _)| *parameter == name).map(|(_, value)| value.as_str())
    }

    fn require(&self, name: &str) -> Result<&str, OAuthError> {
        self.find(name).ok_or_else(|| OAuthError::request(format!("The parameter {name} is missing.")))
    }

    /// The client's id. Rejects a client that sends credentials, in the body or in the Authorization header.
    fn client(&self) -> Result<&str, OAuthError> {
        match self.find("client_id") {
            None if !self.has_authorization => self.require("client_id"),
            Some(id) if !self.has_credentials() => Ok(id),
            _ => Err(OAuthError::client(self.has_authorization)),
        }
    }

    fn has_credentials(&self) -> bool {
        self.has_authorization || CREDENTIALS.iter().any(|name| self.find(name).is_some())
    }
}

async fn device_authorization(
    State(app): State<App>,
    Extension(visit): Extension<Visit>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Response> {
    let parameters = Parameters::read(&headers, &body).map_err(OAuthError::into_response)?;
    let client_id = parameters.client().map_err(OAuthError::into_response)?;
    let request = BeginLogin {
        wire: LoginProtocol::OAuth,
        client_id,
        scope: parameters.find("scope").unwrap_or_default(),
        product: None,
        device_id: parameters.find("device_id"),
        device_name: parameters.find("device_name"),
        visit: &visit,
    };
    match begin(&app, &request).await {
        Ok(login) => Ok(json_response(StatusCode::OK, &started_login_json(&login))),
        Err(BeginLoginError::Error(error)) => Err(error.into_response()),
        Err(BeginLoginError::UnknownClient) => Err(OAuthError::client(false).into_response()),
        Err(BeginLoginError::Invalid(why)) => Err(OAuthError::request(why).into_response()),
        Err(BeginLoginError::InvalidScope) => {
            let why = "The scope is empty or one of viewer, member, admin and owner.";
            Err(OAuthError::grant("invalid_scope", why).into_response())
        }
    }
}

fn started_login_json(login: &StartedLogin) -> Value {
    let mut body = json!({
        "device_code": login.device_code.expose(),
        "user_code": login.user_code.to_string(),
        "verification_uri": login.verification_uri,
        "expires_in": login.expires_in.as_secs(),
        "interval": login.interval.as_secs(),
    });
    if let Some(complete) = &login.verification_uri_complete {
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
    let (client_id, code) = read_poll(&app, &headers, &body).map_err(OAuthError::into_response)?;
    let request =
        Poll { wire: LoginProtocol::OAuth, client_id: &client_id, device_code: &code, visit: &visit };
    let error = match poll(&app, &request).await {
        Ok(collected) => {
            let key = collected.key.key;
            let mut body = json!({
                "access_token": collected.key.plaintext.expose(),
                "token_type": "Bearer",
                "scope": key.role.as_str(),
                "email": collected.email,
                "user_id": collected.user_id.to_string(),
                "org_id": collected.org_id.to_string(),
            });
            if let Some(end) = key.expires_at {
                body["expires_in"] = json!(end.since(app.clock.now()).as_secs());
            }
            return Ok(json_response(StatusCode::OK, &body));
        }
        Err(PollError::Error(error)) => return Err(error.into_response()),
        Err(PollError::UnknownClient) => OAuthError::client(false),
        Err(PollError::Unknown) => {
            OAuthError::grant("invalid_grant", "The device code is unknown or was used already.")
        }
        Err(PollError::Denied) => OAuthError::grant("access_denied", "The login was denied."),
        Err(PollError::Expired) => {
            OAuthError::grant("expired_token", "The code was not approved in time. Start the login again.")
        }
        Err(PollError::Pending) => authorization_pending(),
        Err(PollError::SlowDown(interval)) => slow_down(interval),
    };
    Err(error.into_response())
}

fn authorization_pending() -> OAuthError {
    OAuthError::grant("authorization_pending", "The login is waiting for approval.")
}

fn slow_down(interval: Duration) -> OAuthError {
    OAuthError {
        extra_field: Some(("interval", json!(interval.as_secs()))),
        ..OAuthError::grant("slow_down", "Poll less often.")
    }
}

/// Returns the client's id and the device code, or the first error.
fn read_poll(app: &App, headers: &HeaderMap, body: &Bytes) -> Result<(String, Secret), OAuthError> {
    let parameters = Parameters::read(headers, body)?;
    let grant = parameters.require("grant_type")?;
    if grant == DEVICE_CODE_GRANT {
        parameters.require("device_code")?;
    }
    let client = parameters.client()?;
    if super::clients::name_of(app, client).is_none() {
        return Err(OAuthError::client(false));
    }
    if grant != DEVICE_CODE_GRANT {
        let why = format!("This server supports only the grant type {DEVICE_CODE_GRANT}.");
        return Err(OAuthError::new(StatusCode::BAD_REQUEST, "unsupported_grant_type", why));
    }
    Ok((client.to_owned(), Secret::new(parameters.require("device_code")?)))
}

async fn metadata(State(app): State<App>) -> Response {
    let origin = app.public_url.origin();
    json_response(
        StatusCode::OK,
        &json!({
            "issuer": origin,
            "device_authorization_endpoint": format!("{origin}/oauth/device_authorization"),
            "token_endpoint": format!("{origin}/oauth/token"),
            "grant_types_supported": [DEVICE_CODE_GRANT],
            "token_endpoint_auth_methods_supported": ["none"],
            "response_types_supported": ["none"],
        }),
    )
}
