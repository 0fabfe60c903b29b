//! `POST /api/mcp`. The key is verified before the message is read; rmcp then handles the message.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use http_body_util::Full;
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};

use super::handler::LatchkeyServer;
use super::message::{Message, in_json_rpc};
use crate::api::ApiError;
use crate::keys::server::rest::{ApiCaller, with_limits};
use crate::keys::server::{KeyAudience, Kinds, Requirements};
use crate::platform::live::Topic;
use crate::platform::{App, Error, Problem};
use crate::shared::{OrgId, Role};

pub const PATH: &str = "/api/mcp";

/// The headers with credentials. Nothing behind the check of the key needs them.
const CREDENTIALS: [HeaderName; 3] =
    [header::AUTHORIZATION, header::COOKIE, HeaderName::from_static("x-api-key")];

pub async fn serve(State(app): State<App>, request: Request) -> Result<Response, ApiError> {
    let (parts, body) = request.into_parts();
    refuse_other_origins(&app, &parts.headers)?;
    let ApiCaller { actor, limits, .. } = authenticate(&app, &parts).await?;
    let request = Request::from_parts(parts.clone(), body);
    let body = Bytes::from_request(request, &app).await.map_err(ApiError::new)?;
    let message = match Message::read(&body, &parts.headers) {
        Ok(message) => message,
        Err(refusal) => return Ok(with_limits(refusal.into_response(), &limits)),
    };
    app.live.publish_if_expected(first_call(actor.org.org), || "First call received.".to_owned());
    let server = LatchkeyServer::new(&app, actor);
    let service = StreamableHttpService::new(
        move || Ok(server.clone()),
        Arc::new(NeverSessionManager::default()),
        config(&app),
    );
    let request = Request::from_parts(forwarded(parts), Full::new(body));
    let response = service.handle(request).await.map(Body::new);
    Ok(with_limits(in_json_rpc(&message, response).await, &limits))
}

/// The topic of requests of an organization's agents.
pub fn first_call(org: OrgId) -> Topic {
    Topic::of_org(&org, "mcp")
}

/// A page of another origin must not use a key through the browser of somebody who runs it. The host was checked before.
fn refuse_other_origins(app: &App, headers: &HeaderMap) -> Result<(), Error> {
    let own = app.public_url.origin();
    if headers.get_all(header::ORIGIN).iter().all(|origin| origin == own) {
        return Ok(());
    }
    Err(Error::CrossSite { public_url: own.to_owned() })
}

async fn authenticate(app: &App, parts: &Parts) -> Result<ApiCaller, ApiError> {
    let requirements = Requirements {
        audience: Some(KeyAudience::Mcp),
        org: None,
        least_role: Role::Viewer,
        kinds: app.config.mcp.mcp_kinds.iter().fold(Kinds::NONE, |kinds, kind| kinds.and(*kind)),
        plan: true,
        permissions: None,
        cost: 1,
    };
    ApiCaller::of(parts, app, &requirements).await.map_err(|refusal| with_challenge(app, refusal))
}

/// Tells a client without a valid key where it can log in.
fn with_challenge(app: &App, refusal: ApiError) -> ApiError {
    let response = refusal.into_response();
    if response.status() != StatusCode::UNAUTHORIZED {
        return ApiError::new(response);
    }
    let is_missing =
        response.extensions().get::<Problem>().is_some_and(|problem| problem.title.contains("Missing"));
    let detail = if is_missing {
        "Send a key as 'Authorization: Bearer …', or log in as the header WWW-Authenticate says."
    } else {
        "The key is wrong, or it is no longer accepted."
    };
    let mut response =
        Problem::of(StatusCode::UNAUTHORIZED).title("Unauthenticated").detail(detail).into_response();
    let metadata = format!("{}/.well-known/oauth-protected-resource{PATH}", app.public_url.origin());
    let challenge = format!("Bearer resource_metadata=\"{metadata}\", scope=\"member\"");
    if let Ok(challenge) = HeaderValue::try_from(challenge) {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    }
    ApiError::new(response)
}

/// The head of the request as rmcp gets it. Every answer is JSON, so clients need not accept event streams.
fn forwarded(mut parts: Parts) -> Parts {
    for name in CREDENTIALS {
        parts.headers.remove(name);
    }
    let accepted = HeaderValue::from_static("application/json, text/event-stream");
    parts.headers.insert(header::ACCEPT, accepted);
    parts.extensions.clear();
    parts
}

/// No sessions and no streams. Host and origin were checked before.
fn config(app: &App) -> StreamableHttpServerConfig {
    StreamableHttpServerConfig::default()
        .with_legacy_session_mode(false)
        .with_json_response(true)
        .disable_allowed_hosts()
        .with_max_request_body_bytes(app.config.limits.max_body.get())
}
