//! Who calls. The command line sends `X-API-Key`, its `register` only `Authorization: Bearer`, the SDKs both.

use std::ops::Deref;

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use axum::http::request::Parts;

use crate::api::ApiError;
use crate::keys::server::Requirements;
use crate::keys::server::rest::{ANY_KEY, ApiCaller, PresentedKey};
use crate::platform::App;

/// A key at work, whatever its organization's plan.
pub struct ArmorIqCaller(ApiCaller);

const WANTED: Requirements = Requirements { plan: false, ..ANY_KEY };

impl Deref for ArmorIqCaller {
    type Target = ApiCaller;

    fn deref(&self) -> &ApiCaller {
        &self.0
    }
}

impl FromRequestParts<App> for ArmorIqCaller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        ApiCaller::of(parts, app, &WANTED).await.map(Self)
    }
}

/// None without a key; a wrong one is refused all the same.
impl OptionalFromRequestParts<App> for ArmorIqCaller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Option<Self>, ApiError> {
        match PresentedKey::of(&parts.headers) {
            PresentedKey::Missing => Ok(None),
            _ => ApiCaller::of(parts, app, &WANTED).await.map(|caller| Some(Self(caller))),
        }
    }
}
