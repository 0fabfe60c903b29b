//! `GET /api/v1/authorize`: forward-auth for nginx `auth_request`, Caddy `forward_auth` and Traefik. The key that came
//! with somebody's request is checked against the query; the answer's headers tell who it was.

use std::sync::LazyLock;

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;

use super::presented::{Presented, refuse, tell_rate};
use super::proxy_query::{self, MistakeLog, Rule};
use super::schemas::KindList;
use crate::keys::server::{self as keys, Presenter, Verdict, VerifiedKey as Key};
use crate::platform::http::Peer;
use crate::platform::http::fast_path::{Answer, RequestInfo, Template};
use crate::platform::{App, Problem};
use crate::shared::{Kind, Role};
use crate::usage::Outcome;

const ORG: HeaderName = HeaderName::from_static("x-latchkey-org");
const ROLE: HeaderName = HeaderName::from_static("x-latchkey-role");
const KIND: HeaderName = HeaderName::from_static("x-latchkey-kind");
const KEY: HeaderName = HeaderName::from_static("x-latchkey-key");
const USER: HeaderName = HeaderName::from_static("x-latchkey-user");
const NAME: HeaderName = HeaderName::from_static("x-latchkey-name");

/// Is the presented key good for a request to the service behind the proxy?
#[utoipa::path(
    get,
    path = "/api/v1/authorize",
    operation_id = "authorize",
    tag = "checks",
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
pub fn authorize(app: &App, peer: Peer, request: Request) -> Answer<'_> {
    let info = match RequestInfo::of(app, peer, &request) {
        Ok(info) => info,
        Err(refused) => return Answer::Now(*refused),
    };
    let Rule { wanted, org } = match proxy_query::rule(request.uri().query().unwrap_or_default()) {
        Ok(rule) => rule,
        Err(mistake) => {
            MistakeLog::report(app, &mistake, &info.request_id);
            let problem = Problem::of(StatusCode::FORBIDDEN);
            return Answer::Now(info.problem(problem.detail(mistake.to_string())));
        }
    };
    let verdict = match Presented::of(request.headers()) {
        Presented::Missing => Some(Verdict::of(Outcome::Missing)),
        Presented::Several => Some(Verdict::of(Outcome::Malformed)),
        Presented::One(key) => keys::verify_cached(app, key, &wanted, &from(&info, request.headers())),
    };
    match verdict {
        Some(verdict) => Answer::Now(tell(info, org, &verdict)),
        None => Answer::Later(Box::pin(async move {
            let Presented::One(key) = Presented::of(request.headers()) else {
                return tell(info, org, &Verdict::of(Outcome::Malformed));
            };
            match keys::verify(app, key, &wanted, &from(&info, request.headers())).await {
                Ok(verdict) => tell(info, org, &verdict),
                Err(error) => info.problem(error),
            }
        })),
    }
}

fn tell(info: RequestInfo, org: HeaderValue, verdict: &Verdict) -> Response {
    match (&verdict.key, verdict.outcome) {
        (Some(key), Outcome::Valid) => {
            let mut response = Response::new(Body::empty());
            *response.headers_mut() = introduce(key, org, info);
            if let Some(rate) = &verdict.rate {
                tell_rate(response.headers_mut(), rate);
            }
            response
        }
        _ => refuse(info, verdict),
    }
}

/// Who presents the key that came with a request.
pub fn from<'a>(info: &'a RequestInfo, headers: &'a HeaderMap) -> Presenter<'a> {
    Presenter {
        address: Some(info.address),
        reported_by: None,
        user_agent: user_agent(headers),
        request_id: &info.request_id,
    }
}

fn user_agent(headers: &HeaderMap) -> &str {
    headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).map_or("", |text| {
        // Header values that are text are ASCII: any place is a boundary.
        text.get(..200).unwrap_or(text)
    })
}

/// Who it was. The texts are written into one piece of memory that the headers share.
fn introduce(key: &Key, org: HeaderValue, info: RequestInfo) -> HeaderMap {
    static TEMPLATE: LazyLock<Template> =
        LazyLock::new(|| Template::of(&[ORG, ROLE, KIND, KEY, USER, NAME], HeaderMap::new()));
    let mut text = Vec::with_capacity(2 * 36 + key.name.len());
    text.extend_from_slice(&key.key.encode());
    text.extend_from_slice(&key.creator.encode());
    for part in url::form_urlencoded::byte_serialize(key.name.as_bytes()) {
        text.extend_from_slice(part.as_bytes());
    }
    let whole = Bytes::from(text);
    // What is written here is letters, digits and signs: it can stand in a header.
    let part = |range| HeaderValue::from_maybe_shared(range).unwrap_or(HeaderValue::from_static(""));
    let values = [
        org,
        HeaderValue::from_static(key.role.as_str()),
        HeaderValue::from_static(key.kind.as_str()),
        part(whole.slice(..36)),
        part(whole.slice(36..72)),
        part(whole.slice(72..)),
    ];
    info.headers(&TEMPLATE, values)
}
