//! The form of OAuth requests and responses, after RFC 6749: parameters, errors, JSON. Clients are public: they have an id and no
//! secret, and a client that tries to authenticate is rejected.

use axum::body::{Body, Bytes};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, PRAGMA, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::platform::Problem;

/// Request parameters that authenticate a client.
const CREDENTIALS: [&str; 3] = ["client_secret", "client_assertion", "client_assertion_type"];
/// The parameters that are read. Others are ignored.
const PARAMETERS: [&str; 14] = [
    "client_id",
    "client_secret",
    "client_assertion",
    "client_assertion_type",
    "grant_type",
    "device_code",
    "scope",
    "device_id",
    "device_name",
    "code",
    "redirect_uri",
    "code_verifier",
    "refresh_token",
    "resource",
];

/// Renders an error of another layer in OAuth's format.
pub fn error_form(problem: &Problem) -> Response {
    let code = match problem.status.as_u16() {
        429 | 503 => "temporarily_unavailable",
        status if status >= 500 => "server_error",
        _ => "invalid_request",
    };
    json_response(problem.status, &json!({ "error": code, "error_description": problem.detail }))
}

/// An error response of RFC 6749.
pub struct OAuthError {
    status: StatusCode,
    error: &'static str,
    description: String,
    /// An additional field of the body.
    extra_field: Option<(&'static str, Value)>,
    /// Whether to send `WWW-Authenticate`.
    challenge: bool,
}

impl OAuthError {
    pub fn new(status: StatusCode, error: &'static str, description: impl Into<String>) -> Self {
        Self { status, error, description: description.into(), extra_field: None, challenge: false }
    }

    pub fn request(description: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request", description)
    }

    pub fn client(challenge: bool) -> Self {
        let description =
            "The client is unknown, or it tried to authenticate. Clients of this server are public.";
        Self { challenge, ..Self::new(StatusCode::UNAUTHORIZED, "invalid_client", description) }
    }

    pub fn grant(error: &'static str, description: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, error, description)
    }
}

impl OAuthError {
    /// With an additional field of the body.
    #[must_use]
    pub fn with_field(self, name: &'static str, value: Value) -> Self {
        Self { extra_field: Some((name, value)), ..self }
    }

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
pub fn json_response(status: StatusCode, body: &Value) -> Response {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().extend(HEADERS);
    response
}

/// The parameters of a form. An empty parameter counts as omitted.
pub struct Parameters {
    values: Vec<(&'static str, String)>,
    has_authorization: bool,
}

impl Parameters {
    pub fn read(headers: &HeaderMap, body: &Bytes) -> Result<Self, OAuthError> {
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

    pub fn find(&self, name: &str) -> Option<&str> {
        self.values.iter().find(|(parameter, _)| *parameter == name).map(|(_, value)| value.as_str())
    }

    pub fn require(&self, name: &str) -> Result<&str, OAuthError> {
        self.find(name).ok_or_else(|| OAuthError::request(format!("The parameter {name} is missing.")))
    }

    /// The client's id. Rejects a client that sends credentials, in the body or in the Authorization header.
    pub fn client(&self) -> Result<&str, OAuthError> {
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
