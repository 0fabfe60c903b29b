//! `POST /oauth/token`: apps redeem codes and renew logins; command lines poll for their approval.

use axum::Extension;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::clients::may_exist;
use super::request::is_resource;
use super::service::{CodeRedemption, GrantFailure, GrantedTokens, LoginRefresh, redeem, refresh};
use crate::device::server::oauth_wire::{OAuthError, Parameters, json_response};
use crate::device::server::{DEVICE_CODE_GRANT, client_name, poll_token};
use crate::platform::http::{Audience, Routes, Visit};
use crate::platform::{App, Error, Secret};
use crate::shared::Timestamp;

pub const CODE_GRANT: &str = "authorization_code";
pub const REFRESH_GRANT: &str = "refresh_token";

pub fn routes() -> Routes {
    Routes::default().post("/oauth/token", Audience::Anyone, token)
}

async fn token(
    State(app): State<App>,
    Extension(visit): Extension<Visit>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Response> {
    let began = app.clock.now();
    let parameters = Parameters::read(&headers, &body).map_err(OAuthError::into_response)?;
    let grant = parameters.require("grant_type").map_err(OAuthError::into_response)?;
    if grant == DEVICE_CODE_GRANT {
        return poll_token(&app, &visit, &parameters).await;
    }
    let granted = match grant {
        CODE_GRANT => redeem_code(&app, &visit, &parameters, began).await,
        REFRESH_GRANT => renew(&app, &visit, &parameters).await,
        _ => Err(unsupported(&app, &parameters).await),
    };
    match granted {
        Ok(tokens) => Ok(json_response(StatusCode::OK, &body_of(&tokens))),
        Err(TokenFailure::OAuth(error)) => Err(error.into_response()),
        Err(TokenFailure::Error(error)) => Err(error.into_response()),
    }
}

enum TokenFailure {
    OAuth(OAuthError),
    Error(Error),
}

impl From<OAuthError> for TokenFailure {
    fn from(error: OAuthError) -> Self {
        Self::OAuth(error)
    }
}

impl From<GrantFailure> for TokenFailure {
    fn from(failure: GrantFailure) -> Self {
        match failure {
            GrantFailure::Refused(why) => Self::OAuth(OAuthError::grant("invalid_grant", &why)),
            GrantFailure::Error(error) => Self::Error(error),
        }
    }
}

async fn redeem_code(
    app: &App,
    visit: &Visit,
    parameters: &Parameters,
    began: Timestamp,
) -> Result<GrantedTokens, TokenFailure> {
    let code = Secret::new(parameters.require("code")?);
    let redirect_uri = parameters.require("redirect_uri")?;
    let verifier = parameters.require("code_verifier")?;
    let client_id = parameters.client()?;
    require_resource(app, parameters)?;
    let redemption = CodeRedemption { client_id, code, redirect_uri, verifier, visit, began };
    Ok(redeem(app, &redemption).await?)
}

async fn renew(app: &App, visit: &Visit, parameters: &Parameters) -> Result<GrantedTokens, TokenFailure> {
    let token = Secret::new(parameters.require("refresh_token")?);
    let client_id = parameters.client()?;
    require_resource(app, parameters)?;
    Ok(refresh(app, &LoginRefresh { client_id, token, visit }).await?)
}

fn require_resource(app: &App, parameters: &Parameters) -> Result<(), OAuthError> {
    if is_resource(app, parameters.find("resource")) {
        return Ok(());
    }
    Err(OAuthError::grant("invalid_target", "resource is not the address of this server's MCP endpoint."))
}

/// The error for another grant type. An unknown client is reported first.
async fn unsupported(app: &App, parameters: &Parameters) -> TokenFailure {
    let client = match parameters.client() {
        Ok(client) => client,
        Err(error) => return error.into(),
    };
    match may_exist(app, client).await {
        Err(error) => TokenFailure::Error(error),
        Ok(false) if client_name(app, client).is_none() => OAuthError::client(false).into(),
        Ok(_) => {
            let why = format!(
                "This server supports only the grant types {CODE_GRANT}, {REFRESH_GRANT} and {DEVICE_CODE_GRANT}."
            );
            OAuthError::grant("unsupported_grant_type", &why).into()
        }
    }
}

fn body_of(tokens: &GrantedTokens) -> serde_json::Value {
    json!({
        "access_token": tokens.access.expose(),
        "token_type": "Bearer",
        "expires_in": tokens.expires_in.as_secs(),
        "refresh_token": tokens.refresh.expose(),
        "scope": tokens.role.as_str(),
    })
}
