//! Who calls. The command line sends `X-API-Key`, its `register` only `Authorization: Bearer`, the SDKs both.

use std::ops::Deref;

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use axum::http::request::Parts;

use crate::api::{self, ANY, ApiError, Presented};
use crate::keys::server::Requirements;
use crate::platform::App;

/// A key at work, whatever its organization's plan.
pub struct Caller(api::Caller);

const WANTED: Requirements = Requirements { plan: false, ..ANY };

impl Deref for Caller {
    type Target = api::Caller;

    fn deref(&self) -> &api::Caller {
        &self.0
    }
}

impl FromRequestParts<App> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        api::Caller::of(parts, app, &WANTED).await.map(Self)
    }
}

/// None without a key; a wrong one is refused all the same.
impl OptionalFromRequestParts<App> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Option<Self>, ApiError> {
        match Presented::of(&parts.headers) {
            Presented::Missing => Ok(None),
            _ => api::Caller::of(parts, app, &WANTED).await.map(|caller| Some(Self(caller))),
        }
    }
}
