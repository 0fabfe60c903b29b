//! Errors of REST handlers.

use axum::response::{IntoResponse, Response};

use crate::platform::Error;

/// A response that ends a request early. Boxed, because errors are passed by value.
pub struct ApiError(Box<Response>);

impl ApiError {
    pub fn new(response: impl IntoResponse) -> Self {
        Self(Box::new(response.into_response()))
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        *self.0
    }
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        Self::new(error)
    }
}
