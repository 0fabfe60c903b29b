//! Reads small JSON bodies, with the limits on size and time that the middleware stack applies to other routes.

use axum::body::Body;
use axum::http::{HeaderMap, StatusCode, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;
use serde_json::error::Category;

use crate::platform::{App, Problem};

pub async fn read_json<T: DeserializeOwned>(
    app: &App,
    headers: &HeaderMap,
    body: Body,
) -> Result<T, Problem> {
    if !is_json(headers) {
        let problem = Problem::of(StatusCode::UNSUPPORTED_MEDIA_TYPE);
        return Err(problem.detail("Send the body as application/json."));
    }
    let limits = &app.config.limits;
    let body = Limited::new(body, limits.max_body.get()).collect();
    let body = match tokio::time::timeout(limits.body_timeout, body).await {
        Err(_) => return Err(Problem::of(StatusCode::REQUEST_TIMEOUT)),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            return Err(Problem::of(StatusCode::PAYLOAD_TOO_LARGE));
        }
        Ok(Err(_)) => return Err(Problem::of(StatusCode::BAD_REQUEST)),
        Ok(Ok(body)) => body.to_bytes(),
    };
    serde_json::from_slice(&body).map_err(|error| {
        let status = match error.classify() {
            Category::Data => StatusCode::UNPROCESSABLE_ENTITY,
            _ => StatusCode::BAD_REQUEST,
        };
        Problem::of(status).detail(format!("The body is not what is expected here: {error}."))
    })
}

fn is_json(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).is_some_and(|kind| {
        let kind = kind.split(';').next().unwrap_or_default().trim();
        kind.eq_ignore_ascii_case("application/json")
    })
}
