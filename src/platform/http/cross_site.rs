//! Browsers send a site's cookies with requests that other sites cause. A request that changes something passes only if
//! the browser says it came from this origin, or, where the browser says nothing, if its Origin is `public_url`.
//! Addresses for programs take no cookies, so there is nothing to abuse there; but where anybody may ask for something that
//! is kept, no page of another site shall do so with the browsers of its visitors.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::{Protocol, Protocols};
use crate::platform::{App, Error};

pub const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

pub async fn guard(
    State((app, protocols)): State<(App, Protocols)>,
    request: Request,
    next: Next,
) -> Response {
    let changes = !matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    let fine = match protocols.of(request.uri().path()) {
        Protocol::Pages => is_ours(request.headers(), app.public_url.origin()),
        Protocol::Custom(_) => !is_anothers(request.headers()),
        Protocol::Api => true,
    };
    if changes && !fine {
        return Error::CrossSite { public_url: app.public_url.origin().to_owned() }.into_response();
    }
    next.run(request).await
}

fn is_ours(headers: &HeaderMap, origin: &str) -> bool {
    match headers.get(SEC_FETCH_SITE) {
        Some(site) => site == "same-origin",
        None => headers.get(header::ORIGIN).is_some_and(|value| value == origin),
    }
}

/// Browsers say that a page of another site is behind the request.
fn is_anothers(headers: &HeaderMap) -> bool {
    headers.get(SEC_FETCH_SITE).is_some_and(|site| site != "same-origin" && site != "none")
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn only_this_origin_may_change_anything() {
        const OURS: &str = "https://keys.example";
        for (site, origin, fine) in [
            (Some("same-origin"), None, true),
            (Some("same-origin"), Some("https://evil.example"), true),
            (Some("same-site"), Some(OURS), false),
            (Some("cross-site"), Some(OURS), false),
            (Some("none"), None, false),
            (Some("nonsense"), Some(OURS), false),
            (None, Some(OURS), true),
            (None, Some("https://keys.example.evil"), false),
            (None, Some("http://keys.example"), false),
            (None, Some("null"), false),
            (None, None, false),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(site) = site {
                headers.insert(SEC_FETCH_SITE, HeaderValue::from_static(site));
            }
            if let Some(origin) = origin {
                headers.insert(header::ORIGIN, HeaderValue::from_static(origin));
            }
            assert_eq!(is_ours(&headers, OURS), fine, "{site:?} {origin:?}");
        }
    }
}
