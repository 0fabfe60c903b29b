//! Reads small JSON bodies. A null and an empty text count as missing. A value of a wrong type is an error.

use axum::http::StatusCode;
use serde_json::{Map, Value};

use crate::api::ApiError;
use crate::platform::Problem;

pub fn object(body: &Value) -> Result<&Map<String, Value>, ApiError> {
    body.as_object().ok_or_else(|| bad_request("The body must be a JSON object."))
}

pub fn text<'a>(body: &'a Map<String, Value>, name: &str) -> Result<Option<&'a str>, ApiError> {
    match body.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.as_str()).filter(|text| !text.is_empty())),
        Some(_) => Err(bad_request(format!("{name} must be a string."))),
    }
}

/// A 400 response, whose message the clients show.
pub fn bad_request(why: impl Into<String>) -> ApiError {
    ApiError::new(Problem::of(StatusCode::BAD_REQUEST).detail(why.into()))
}
