//! `armoriq login`: the device authorization of `device` in the format of the published clients.
//!
//! The client reads the body of a response and not its status. Every `error` except `authorization_pending` and `slow_down`
//! ends the login. Temporary errors (a busy server, an unreachable database) therefore have no `error`, so that the client
//! polls again (see `error_form`). Its `callback_url` is ignored: a key must not be in a URL, and the client polls anyway.

use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde_json::{Value, json};

use super::json_body;
use crate::api::{AnyBody, ApiError};
use crate::device::server::{
    BeginLogin, BeginLoginError, LoginProtocol, Poll, PollError, begin, poll, verification_uri_complete,
};
use crate::platform::http::Visit;
use crate::platform::{App, Error, Problem, Secret};

const CLIENT: &str = "armoriq-cli";

/// Renders an error of another layer. A temporary error has no `error` field, so that the client polls again.
pub fn error_form(problem: &Problem) -> Response {
    let is_temporary = problem.status.is_server_error() || matches!(problem.status.as_u16(), 408 | 429);
    let mut body = json!({ "message": problem.detail });
    if !is_temporary {
        body["error"] = json!("invalid_request");
        body["error_description"] = json!(problem.detail);
    }
    Json(body).into_response()
}

pub async fn code(
    State(app): State<App>,
    Extension(visit): Extension<Visit>,
    AnyBody(body): AnyBody<Value>,
) -> Result<Json<Value>, ApiError> {
    let body = json_body::object(&body)?;
    let product = json_body::text(body, "product")?.map(str::to_lowercase);
    let request = BeginLogin {
        wire: LoginProtocol::ArmorIq,
        client_id: CLIENT,
        scope: "",
        product: product.as_deref(),
        device_id: json_body::text(body, "deviceId")?,
        device_name: json_body::text(body, "deviceName")?,
        visit: &visit,
    };
    let started = begin(&app, &request).await.map_err(|error| match error {
        BeginLoginError::Error(error) => error.into(),
        BeginLoginError::Invalid(why) => json_body::bad_request(why),
        BeginLoginError::UnknownClient | BeginLoginError::InvalidScope => {
            ApiError::from(Error::internal("this client is built in and requests no scope"))
        }
    })?;
    // The client fails without a complete address. If links with codes are not allowed, the page asks for the code anyway.
    let complete = verification_uri_complete(&app, &started.user_code, product.as_deref());
    Ok(Json(json!({
        "device_code": started.device_code.expose(),
        "user_code": started.user_code.to_string(),
        "verification_uri": started.verification_uri,
        "verification_uri_complete": complete,
        "expires_in": started.expires_in.as_secs(),
        "interval": started.interval.as_secs(),
    })))
}

pub async fn token(
    State(app): State<App>,
    Extension(visit): Extension<Visit>,
    AnyBody(body): AnyBody<Value>,
) -> Result<Json<Value>, ApiError> {
    let code = json_body::text(json_body::object(&body)?, "deviceCode")?
        .map(Secret::new)
        .ok_or_else(|| json_body::bad_request("deviceCode is missing."))?;
    let request = Poll { wire: LoginProtocol::ArmorIq, client_id: CLIENT, device_code: &code, visit: &visit };
    let collected = poll(&app, &request).await.map_err(poll_error)?;
    Ok(Json(json!({
        "success": true,
        "api_key": collected.key.plaintext.expose(),
        "email": collected.email,
        "user_id": collected.user_id.to_string(),
        "org_id": collected.org_id.to_string(),
    })))
}

fn authorization_pending() -> LoginError {
    LoginError("authorization_pending", "The login is waiting for approval in the browser.".to_owned())
}

fn slow_down(interval: Duration) -> LoginError {
    LoginError("slow_down", format!("Poll at most every {} seconds.", interval.as_secs()))
}

fn poll_error(error: PollError) -> ApiError {
    let ended = "This login has expired, or its key was issued already. Run `armoriq login` again.";
    let login_error = match error {
        PollError::Pending => authorization_pending(),
        PollError::SlowDown(interval) => slow_down(interval),
        PollError::Denied => LoginError("access_denied", "The login was denied.".to_owned()),
        PollError::Expired | PollError::Unknown => LoginError("expired_token", ended.to_owned()),
        PollError::UnknownClient => return Error::internal("this client is built in").into(),
        PollError::Error(error) => return error.into(),
    };
    ApiError::new(login_error)
}

/// An error code that the client knows, and a description.
struct LoginError(&'static str, String);

impl LoginError {
    fn body(&self) -> Value {
        json!({ "error": self.0, "error_description": self.1, "message": self.1 })
    }
}

impl IntoResponse for LoginError {
    fn into_response(self) -> Response {
        (StatusCode::BAD_REQUEST, Json(self.body())).into_response()
    }
}
