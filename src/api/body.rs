//! Reads the bodies, paths and queries of REST requests, and reports what is wrong with them.

use std::error::Error;

use axum::extract::FromRequest;
use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::error::ApiError;
use crate::platform::Problem;

/// A JSON body. An invalid one gets a response with a problem.
#[derive(FromRequest)]
#[from_request(via(axum::Json), rejection(Unreadable))]
pub struct Body<T>(pub T);

/// An invalid body, path or query.
pub struct Unreadable(StatusCode, String);

impl From<JsonRejection> for Unreadable {
    fn from(rejection: JsonRejection) -> Self {
        let reason = match &rejection {
            // The source error names the field and says what is wrong with it.
            JsonRejection::JsonDataError(data) => data.source().map(ToString::to_string),
            _ => None,
        };
        Self(rejection.status(), reason.unwrap_or_else(|| rejection.body_text()))
    }
}

impl From<QueryRejection> for Unreadable {
    fn from(rejection: QueryRejection) -> Self {
        Self(rejection.status(), rejection.body_text())
    }
}

impl From<PathRejection> for Unreadable {
    fn from(_: PathRejection) -> Self {
        Self(StatusCode::NOT_FOUND, Problem::of(StatusCode::NOT_FOUND).detail.into_owned())
    }
}

impl IntoResponse for Unreadable {
    fn into_response(self) -> Response {
        Problem::of(self.0).detail(self.1).into_response()
    }
}

impl From<Unreadable> for ApiError {
    fn from(unreadable: Unreadable) -> Self {
        Self::new(unreadable)
    }
}
