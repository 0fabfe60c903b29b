//! The OAuth endpoints of device logins (RFC 8628). The slice `oauth`, which stands above this one, has the token endpoint and the
//! metadata, because they serve other grants too.

use std::time::Duration;

use axum::Extension;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::oauth_wire::{OAuthError, Parameters, error_form, json_response};
use super::{BeginLogin, BeginLoginError, LoginProtocol, Poll, PollError, StartedLogin, begin, poll};
use crate::platform::http::{Audience, Protocol, Routes, Visit};
use crate::platform::{App, Secret};

/// The grant type of a poll.
pub const DEVICE_CODE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

pub fn routes() -> Routes {
    Routes::default()
        .post("/oauth/device_authorization", Audience::Anyone, device_authorization)
        .protocol(&["/oauth"], Protocol::Custom(error_form))
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

/// Responds to a poll, a request to the token endpoint with `DEVICE_CODE_GRANT`.
pub async fn poll_token(app: &App, visit: &Visit, parameters: &Parameters) -> Result<Response, Response> {
    let (client_id, code) = read_poll(app, parameters).map_err(OAuthError::into_response)?;
    let request = Poll { wire: LoginProtocol::OAuth, client_id, device_code: &code, visit };
    let error = match poll(app, &request).await {
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
    OAuthError::grant("slow_down", "Poll less often.").with_field("interval", json!(interval.as_secs()))
}

/// Returns the client's id and the device code, or the first error.
fn read_poll<'a>(app: &App, parameters: &'a Parameters) -> Result<(&'a str, Secret), OAuthError> {
    let code = parameters.require("device_code")?;
    let client = parameters.client()?;
    if super::clients::name_of(app, client).is_none() {
        return Err(OAuthError::client(false));
    }
    Ok((client, Secret::new(code)))
}
