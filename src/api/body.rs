//! Reads the bodies, paths and queries of REST requests, and reports what is wrong with them.

use std::error::Error;
use std::fmt;
use std::marker::PhantomData;

use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::error::ApiError;
use crate::platform::Problem;

/// A JSON value of any kind as the body.
#[derive(FromRequest)]
#[from_request(via(axum::Json), rejection(Unreadable))]
pub struct AnyBody<T>(pub T);

/// A JSON object as the body. An invalid one gets a response with a problem.
pub struct Body<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Unreadable;

    async fn from_request(request: Request, state: &S) -> Result<Self, Unreadable> {
        let axum::Json(JsonObject(body)) = axum::Json::from_request(request, state).await?;
        Ok(Self(body))
    }
}

/// Only an object: without it, an array would be accepted for a struct, with its fields in their order.
struct JsonObject<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for JsonObject<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(JsonObjectVisitor(PhantomData))
    }
}

struct JsonObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for JsonObjectVisitor<T> {
    type Value = JsonObject<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<JsonObject<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(JsonObject)
    }
}

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
