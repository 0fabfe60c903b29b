//! `armoriq login`: the machine of `device` in this wire's words.
//!
//! The client looks at the body of an answer and not at its status. `error` is one of four that it knows, and any but
//! `authorization_pending` and `slow_down` ends the login; so what will pass (a busy server, a lost database) carries
//! no `error`, and the client asks again (`error_form`). What it sends as `callback_url` is passed
//! over: a key does not travel in an address, and the client asks in any case.

use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde_json::{Value, json};

use super::words;
use crate::api::{ApiError, Body};
use crate::device::server::{
    LoginProtocol, NotBegun, Poll, PollResult, Request, begin, poll, verification_uri_complete,
};
use crate::platform::http::Visit;
use crate::platform::{App, Error, Problem, Secret};

const CLIENT: &str = "armoriq-cli";

/// The form of errors that other layers find. The clients give up at any `error` and ask again without one, so an error that
/// will pass has none.
pub fn error_form(problem: &Problem) -> Response {
    let will_pass = problem.status.is_server_error() || matches!(problem.status.as_u16(), 408 | 429);
    let mut body = json!({ "message": problem.detail });
    if !will_pass {
        body["error"] = json!("invalid_request");
        body["error_description"] = json!(problem.detail);
    }
    Json(body).into_response()
}

pub async fn code(
    State(app): State<App>,
    Extension(visit): Extension<Visit>,
    Body(body): Body<Value>,
) -> Result<Json<Value>, ApiError> {
    let body = words::object(&body)?;
    let product = words::text(body, "product")?.map(str::to_lowercase);
    let request = Request {
        wire: LoginProtocol::ArmorIq,
        client_id: CLIENT,
        scope: "",
        product: product.as_deref(),
        device_id: words::text(body, "deviceId")?,
        device_name: words::text(body, "deviceName")?,
        visit: &visit,
    };
    let begun = begin(&app, &request).await.map_err(|refused| match refused {
        NotBegun::Error(error) => error.into(),
        NotBegun::Invalid(why) => words::refused(why),
        NotBegun::UnknownClient | NotBegun::InvalidScope => {
            ApiError::from(Error::internal("this client is built in, and asks for no scope"))
        }
    })?;
    // The client stops without a complete address. Where links may not carry codes, the page asks for the code anyway.
    let complete = verification_uri_complete(&app, &begun.user_code, product.as_deref());
    Ok(Json(json!({
        "device_code": begun.device_code.expose(),
        "user_code": begun.user_code.shown(),
        "verification_uri": begun.verification_uri,
        "verification_uri_complete": complete,
        "expires_in": begun.expires_in.as_secs(),
        "interval": begun.interval.as_secs(),
    })))
}

pub async fn token(
    State(app): State<App>,
    Extension(visit): Extension<Visit>,
    Body(body): Body<Value>,
) -> Result<Json<Value>, ApiError> {
    let code = words::text(words::object(&body)?, "deviceCode")?
        .map(Secret::new)
        .ok_or_else(|| words::refused("deviceCode is missing."))?;
    let wanted = Poll { wire: LoginProtocol::ArmorIq, client_id: CLIENT, device_code: &code, visit: &visit };
    let granted = poll(&app, &wanted).await.map_err(not_yet)?;
    Ok(Json(json!({
        "success": true,
        "api_key": granted.key.plaintext.expose(),
        "email": granted.email,
        "user_id": granted.user_id.to_string(),
        "org_id": granted.org_id.to_string(),
    })))
}

fn waits() -> InWords {
    InWords("authorization_pending", "The login waits for approval in the browser.".to_owned())
}

fn too_early(interval: Duration) -> InWords {
    InWords("slow_down", format!("Ask every {} seconds at most.", interval.as_secs()))
}

fn not_yet(answer: PollResult) -> ApiError {
    let ended = "This login has expired, or its key was handed out already. Run `armoriq login` again.";
    let told = match answer {
        PollResult::Pending => waits(),
        PollResult::SlowDown(interval) => too_early(interval),
        PollResult::Denied => InWords("access_denied", "The login was denied.".to_owned()),
        PollResult::Expired | PollResult::Unknown => InWords("expired_token", ended.to_owned()),
        PollResult::UnknownClient => return Error::internal("this client is built in").into(),
        PollResult::Error(error) => return error.into(),
    };
    ApiError::new(told)
}

/// One of the client's errors.
struct InWords(&'static str, String);

impl InWords {
    fn body(&self) -> Value {
        json!({ "error": self.0, "error_description": self.1, "message": self.1 })
    }
}

impl IntoResponse for InWords {
    fn into_response(self) -> Response {
        (StatusCode::BAD_REQUEST, Json(self.body())).into_response()
    }
}
