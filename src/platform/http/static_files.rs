//! The routes of the front end's files.

use axum::extract::{Path as UrlPath, State};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;

use crate::platform::{App, Error};

const FOREVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
const ASK_AGAIN: HeaderValue = HeaderValue::from_static("no-cache");
const A_DAY: HeaderValue = HeaderValue::from_static("public, max-age=86400");

/// `GET /assets/{hash}/{*path}`
pub async fn hashed(
    State(app): State<App>,
    UrlPath((hash, path)): UrlPath<(String, String)>,
    asked: HeaderMap,
) -> Result<Response, Error> {
    // A page of the previous build may still ask during an upgrade: better today's file than none.
    let keep = if app.assets.carries(&hash) { FOREVER } else { ASK_AGAIN };
    app.assets.respond(&path, &asked, keep).await.ok_or(Error::NotFound)
}

/// `GET /favicon.svg` and `/robots.txt`, which are asked for by those names alone.
pub async fn favicon(State(app): State<App>, asked: HeaderMap) -> Result<Response, Error> {
    app.assets.respond("favicon.svg", &asked, A_DAY).await.ok_or(Error::NotFound)
}

pub async fn robots(State(app): State<App>, asked: HeaderMap) -> Result<Response, Error> {
    app.assets.respond("robots.txt", &asked, A_DAY).await.ok_or(Error::NotFound)
}
