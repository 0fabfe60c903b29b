//! `/api/v1/authorize`: forward authentication for nginx `auth_request`, Caddy `forward_auth`, Traefik `forwardAuth` and
//! Envoy `ext_authz`. Checks the key of a request that a proxy is about to forward. The headers of the response describe
//! the key.

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri};
use axum::response::Response;

use super::presented_key::{PresentedKey, put_rate, refusal};
use super::proxy_query::{self, MistakeLog};
use super::schemas::KindList;
use crate::keys::server::{self as keys, Presenter, Verdict, VerifiedKey};
use crate::platform::http::fast_path::{FastResponse, RequestInfo};
use crate::platform::http::{Peer, user_agent};
use crate::platform::{App, Problem};
use crate::shared::{Kind, Role};
use crate::usage::Outcome;

pub const PATH: &str = "/api/v1/authorize";

const ORG: HeaderName = HeaderName::from_static("x-latchkey-org");
const ROLE: HeaderName = HeaderName::from_static("x-latchkey-role");
const KIND: HeaderName = HeaderName::from_static("x-latchkey-kind");
const KEY: HeaderName = HeaderName::from_static("x-latchkey-key");
const USER: HeaderName = HeaderName::from_static("x-latchkey-user");
const NAME: HeaderName = HeaderName::from_static("x-latchkey-name");

/// Check the key of a request that a proxy is about to forward
#[utoipa::path(
    get,
    path = "/api/v1/authorize",
    operation_id = "authorize",
    tag = "checks",
    description = "Any method is accepted. Proxies that append the path of the original request, such as Envoy, write the \
        parameters as the first segment below this path instead: `/api/v1/authorize/org=…&role=…/orders/17`. The query then \
        belongs to the original request and is ignored.",
    params(
        ("org" = String, Query, description = "The id of an organization: only its keys are accepted"),
        ("role" = Option<Role>, Query, description = "The lowest accepted role; the default is viewer"),
        (
            "kind" = inline(Option<KindList>),
            Query,
            description = "The accepted kinds, separated by commas; the default is all but test"
        ),
    ),
    responses(
        (
            status = 200,
            description = "The key is accepted; the headers describe it",
            headers(
                ("X-Latchkey-Key" = String, description = "The key's id"),
                ("X-Latchkey-Org" = String, description = "The id of its organization"),
                ("X-Latchkey-User" = String, description = "The id of the person in whose name it acts"),
                ("X-Latchkey-Role" = Role, description = "Its role"),
                ("X-Latchkey-Kind" = Kind, description = "Its kind"),
                ("X-Latchkey-Name" = String, description = "Its name, form-encoded"),
            )
        ),
        (status = 401, description = "No key, or none that is accepted"),
        (status = 403, description = "The key may not do this; or the query has a mistake, which the detail describes"),
        (status = 429, description = "The key's requests of this minute are used up"),
        (status = 503, description = "It cannot be decided now"),
    )
)]
pub fn authorize(app: &App, peer: Peer, request: Request) -> FastResponse<'_> {
    let info = match RequestInfo::of(app, peer, &request) {
        Ok(info) => info,
        Err(refused) => return FastResponse::Ready(*refused),
    };
    let requirements = match proxy_query::requirements(parameters(request.uri())) {
        Ok(requirements) => requirements,
        Err(mistake) => {
            MistakeLog::report(app, &mistake, &info.request_id);
            let problem = Problem::of(StatusCode::FORBIDDEN).detail(mistake.to_string());
            return FastResponse::Ready(info.problem(problem));
        }
    };
    let verdict = match PresentedKey::of(request.headers()) {
        PresentedKey::Missing => Some(Verdict::of(Outcome::Missing)),
        PresentedKey::Several => Some(Verdict::of(Outcome::Malformed)),
        PresentedKey::One(key) => {
            let agent = user_agent(request.headers());
            keys::verify_cached(app, key, &requirements, &presenter(&info, &agent))
        }
    };
    if let Some(verdict) = verdict {
        return FastResponse::Ready(respond(info, &verdict));
    }
    FastResponse::Pending(Box::pin(async move {
        let PresentedKey::One(key) = PresentedKey::of(request.headers()) else {
            return respond(info, &Verdict::of(Outcome::Malformed));
        };
        let agent = user_agent(request.headers());
        match keys::verify(app, key, &requirements, &presenter(&info, &agent)).await {
            Ok(verdict) => respond(info, &verdict),
            Err(error) => info.problem(error),
        }
    }))
}

/// The parameters are the query, or the first segment of the path below `PATH` when a proxy appends the original request's
/// path and query.
fn parameters(uri: &Uri) -> &str {
    match uri.path().strip_prefix(PATH).and_then(|below| below.strip_prefix('/')) {
        Some(below) => below.split('/').next().unwrap_or_default(),
        None => uri.query().unwrap_or_default(),
    }
}

fn respond(info: RequestInfo, verdict: &Verdict) -> Response {
    match (&verdict.key, verdict.outcome) {
        (Some(key), Outcome::Valid) => {
            let mut response = Response::new(Body::empty());
            *response.headers_mut() = describe(key);
            if let Some(rate) = &verdict.rate {
                put_rate(response.headers_mut(), rate);
            }
            info.finish(response)
        }
        _ => info.problem(refusal(verdict)),
    }
}

/// A client that presents a key in the headers of its own request.
pub fn presenter<'a>(info: &'a RequestInfo, user_agent: &'a str) -> Presenter<'a> {
    Presenter { address: Some(info.address), reported_by: None, user_agent, request_id: &info.request_id }
}

fn describe(key: &VerifiedKey) -> HeaderMap {
    let name: String = url::form_urlencoded::byte_serialize(key.name.as_bytes()).collect();
    let texts = [
        (KEY, key.id.to_string()),
        (ORG, key.org.id.to_string()),
        (USER, key.creator.to_string()),
        (NAME, name),
    ];
    let mut headers = HeaderMap::with_capacity(12);
    for (header, text) in texts {
        // Every character of a public id and of a prefix is valid in a header.
        headers.insert(header, HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("")));
    }
    headers.insert(ROLE, HeaderValue::from_static(key.role.as_str()));
    headers.insert(KIND, HeaderValue::from_static(key.kind.as_str()));
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_the_query_or_the_first_segment_below_the_path() {
        for (uri, expected) in [
            ("/api/v1/authorize", ""),
            ("/api/v1/authorize?org=1&role=owner", "org=1&role=owner"),
            ("/api/v1/authorize/org=1&role=owner", "org=1&role=owner"),
            ("/api/v1/authorize/org=1&role=owner/orders/17?role=viewer", "org=1&role=owner"),
            ("/api/v1/authorize/?org=1", ""),
            ("/api/v1/authorize//org=1?org=1", ""),
        ] {
            assert_eq!(parameters(&uri.parse().expect("an address")), expected, "{uri}");
        }
    }
}
