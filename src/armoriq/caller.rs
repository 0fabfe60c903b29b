//! Authenticates the calling key. The command line sends `X-API-Key`, its `register` only `Authorization: Bearer`, and the
//! SDKs send both.

use std::ops::Deref;

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use axum::http::request::Parts;

use crate::api::ApiError;
use crate::keys::server::Requirements;
use crate::keys::server::rest::{ANY_KEY, ApiCaller, PresentedKey};
use crate::platform::App;

/// A verified key, whatever its organization's plan.
pub struct ArmorIqCaller(ApiCaller);

const REQUIREMENTS: Requirements = Requirements { plan: false, ..ANY_KEY };

impl Deref for ArmorIqCaller {
    type Target = ApiCaller;

    fn deref(&self) -> &ApiCaller {
        &self.0
    }
}

impl FromRequestParts<App> for ArmorIqCaller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        ApiCaller::of(parts, app, &REQUIREMENTS).await.map(Self)
    }
}

/// Returns None without a key. An invalid key is still rejected.
impl OptionalFromRequestParts<App> for ArmorIqCaller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Option<Self>, ApiError> {
        match PresentedKey::of(&parts.headers) {
            PresentedKey::Missing => Ok(None),
            _ => ApiCaller::of(parts, app, &REQUIREMENTS).await.map(|caller| Some(Self(caller))),
        }
    }
}
