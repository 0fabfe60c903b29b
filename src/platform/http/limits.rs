//! The sum of all headers. The connection itself refuses far larger ones before they are read whole (`serve`).

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::platform::{App, Error};

pub async fn header_size(State(app): State<App>, request: Request, next: Next) -> Response {
    let size: usize = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    let address = request.uri().path_and_query().map_or(0, |address| address.as_str().len());
    let method = request.method().as_str().len();
    if size + address + method > app.config.limits.max_headers.get() {
        return Error::HeadersTooLarge.into_response();
    }
    next.run(request).await
}
