//! `POST /oauth/register`: an app registers itself (RFC 7591). Anybody may call it, so unused registrations are limited, and swept
//! after a day.

use axum::Extension;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;

use super::client::{ClientOrigin, McpClient, clean_name};
use super::limits::ClientLimits;
use super::redirect::RedirectUri;
use super::store;
use crate::audit::{self, By, Event};
use crate::device::server::oauth_wire::{OAuthError, json_response};
use crate::platform::http::address::network;
use crate::platform::http::{Audience, Routes, Visit};
use crate::platform::{App, Error};

const MAX_BODY: usize = 16 * 1024;
const MAX_REDIRECT_URIS: usize = 20;
/// The most apps that registered and that nobody has approved yet: from one address, and of all addresses together.
const MAX_UNUSED_OF_ADDRESS: i64 = 50;
const MAX_UNUSED: i64 = 10_000;
const UNNAMED: &str = "An app without a name";

pub fn routes() -> Routes {
    Routes::default().post("/oauth/register", Audience::Anyone, register)
}

/// The metadata that are read. Others are ignored: every app is a public client with the same grants.
#[derive(Deserialize)]
struct RegistrationBody {
    redirect_uris: Option<Vec<String>>,
    client_name: Option<String>,
}

async fn register(
    State(app): State<App>,
    Extension(visit): Extension<Visit>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Response> {
    ClientLimits::registration(&app, visit.address).map_err(Error::into_response)?;
    let (name, redirect_uris) = read(&headers, &body).map_err(OAuthError::into_response)?;
    let now = app.clock.now();
    let id = format!("app_{}", app.random.base62(22));
    let client = McpClient { id, name, origin: ClientOrigin::Registered { at: now }, redirect_uris };
    insert(&app, &visit, &client).await.map_err(Error::into_response)?;
    let body = json!({
        "client_id": client.id,
        "client_id_issued_at": now.millis() / 1_000,
        "client_name": client.name,
        "redirect_uris": client.redirect_uris,
        "token_endpoint_auth_method": "none",
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
    });
    Ok(json_response(StatusCode::CREATED, &body))
}

async fn insert(app: &App, visit: &Visit, client: &McpClient) -> Result<(), Error> {
    let subscriber = network(visit.address);
    let now = app.clock.now();
    let _guard = ClientLimits::lock_registration(app).await;
    let mut write = app.db.write().await?;
    if store::count_unused_of(&mut write, subscriber).await? >= MAX_UNUSED_OF_ADDRESS {
        return Err(Error::TooMany(super::service::UNUSED_CLIENT_LIFE));
    }
    if store::count_unused(&mut write).await? >= MAX_UNUSED {
        return Err(Error::Busy);
    }
    store::insert_client(&mut write, client, subscriber, now).await?;
    let event = Event::new("client.registered").on("client", &client.id, &client.name);
    audit::record_stranger(app, &mut write, &By::stranger(visit), event).await?;
    Ok(write.commit().await?)
}

/// The name and the redirect URIs.
fn read(headers: &HeaderMap, body: &Bytes) -> Result<(String, Vec<String>), OAuthError> {
    let metadata = |why: &str| OAuthError::grant("invalid_client_metadata", why);
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case("application/json") {
        return Err(metadata("Send the metadata as application/json."));
    }
    if body.len() > MAX_BODY {
        return Err(metadata("The metadata are longer than 16 KiB."));
    }
    let Ok(RegistrationBody { redirect_uris, client_name }) = serde_json::from_slice(body) else {
        return Err(metadata(
            "The metadata are not a JSON object with texts in redirect_uris and client_name.",
        ));
    };
    let redirect_uris = redirect_uris.unwrap_or_default();
    if redirect_uris.is_empty() || redirect_uris.len() > MAX_REDIRECT_URIS {
        let why = format!("Name 1 to {MAX_REDIRECT_URIS} redirect_uris.");
        return Err(OAuthError::grant("invalid_redirect_uri", &why));
    }
    for uri in &redirect_uris {
        RedirectUri::parse(uri).map_err(|why| OAuthError::grant("invalid_redirect_uri", why))?;
    }
    let name = clean_name(&client_name.unwrap_or_default());
    Ok((if name.is_empty() { UNNAMED.to_owned() } else { name }, redirect_uris))
}
