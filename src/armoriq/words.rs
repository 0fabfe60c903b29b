//! Reading small JSON bodies. A null is an omission, and an empty text too; a wrong type is a refusal.

use axum::http::StatusCode;
use serde_json::{Map, Value};

use crate::api::ApiError;
use crate::platform::Problem;

pub fn object(body: &Value) -> Result<&Map<String, Value>, ApiError> {
    body.as_object().ok_or_else(|| refused("The body must be a JSON object."))
}

pub fn text<'a>(from: &'a Map<String, Value>, name: &str) -> Result<Option<&'a str>, ApiError> {
    match from.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.as_str()).filter(|text| !text.is_empty())),
        Some(_) => Err(refused(format!("{name} must be a text."))),
    }
}

/// Clients show the message of a 400.
pub fn refused(why: impl Into<String>) -> ApiError {
    ApiError::new(Problem::of(StatusCode::BAD_REQUEST).detail(why.into()))
}
