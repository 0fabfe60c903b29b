//! Protects against cross-site request forgery. Browsers send a site's cookies with requests that other sites cause.
//! Therefore a request that changes something must come from this origin according to `Sec-Fetch-Site`, or according to
//! `Origin` if the browser does not send the former. Routes for programs use no cookies and need no protection, except
//! those that store something for anonymous callers (`Protocol::Custom`): other sites must not call them from the browsers
//! of their visitors.

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
    let is_allowed = match protocols.of(request.uri().path()) {
        Protocol::Pages => is_same_origin(request.headers(), app.public_url.origin()),
        Protocol::Custom(_) => !is_of_other_site(request.headers()),
        Protocol::Api => true,
    };
    if changes && !is_allowed {
        return Error::CrossSite { public_url: app.public_url.origin().to_owned() }.into_response();
    }
    next.run(request).await
}

fn is_same_origin(headers: &HeaderMap, origin: &str) -> bool {
    match headers.get(SEC_FETCH_SITE) {
        Some(site) => site == "same-origin",
        None => headers.get(header::ORIGIN).is_some_and(|value| value == origin),
    }
}

/// Whether the browser says that a page of another site caused the request.
fn is_of_other_site(headers: &HeaderMap) -> bool {
    headers.get(SEC_FETCH_SITE).is_some_and(|site| site != "same-origin" && site != "none")
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn only_this_origin_may_change_anything() {
        const OURS: &str = "https://keys.example";
        for (site, origin, is_allowed) in [
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
            assert_eq!(is_same_origin(&headers, OURS), is_allowed, "{site:?} {origin:?}");
        }
    }
}
