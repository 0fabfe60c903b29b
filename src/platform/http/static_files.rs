//! The routes of the front end's files.

use axum::extract::{Path as UrlPath, State};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;

use crate::platform::{App, Error};

const CACHE_FOREVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
const REVALIDATE: HeaderValue = HeaderValue::from_static("no-cache");
const CACHE_ONE_DAY: HeaderValue = HeaderValue::from_static("public, max-age=86400");

/// `GET /assets/{hash}/{*path}`
pub async fn hashed(
    State(app): State<App>,
    UrlPath((hash, path)): UrlPath<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    // During an upgrade, a page of the previous build may ask for its files. The current file is better than none.
    let caching = if app.assets.has_hash(&hash) { CACHE_FOREVER } else { REVALIDATE };
    app.assets.respond(&path, &headers, caching).await.ok_or(Error::NotFound)
}

/// `GET /favicon.svg`
pub async fn favicon(State(app): State<App>, headers: HeaderMap) -> Result<Response, Error> {
    app.assets.respond("favicon.svg", &headers, CACHE_ONE_DAY).await.ok_or(Error::NotFound)
}

/// `GET /robots.txt`
pub async fn robots(State(app): State<App>, headers: HeaderMap) -> Result<Response, Error> {
    app.assets.respond("robots.txt", &headers, CACHE_ONE_DAY).await.ok_or(Error::NotFound)
}
