//! `/api/v1/authorize`: forward authentication for nginx `auth_request`, Caddy `forward_auth`, Traefik `forwardAuth` and
//! Envoy `ext_authz`. Checks the key of a request that a proxy is about to forward. The headers of the response describe
//! the key.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri};
use axum::response::Response;

use super::presented_key::{PresentedKey, put_limits, refusal};
use super::proxy_query::{Mistake, MistakeLog, ProxyQuery};
use super::schemas::KindList;
use crate::keys::server::{self as keys, PermissionRequirement, Presenter, Verdict, VerifiedKey};
use crate::permissions::query::PermissionQuery;
use crate::permissions::server::OrgPermissions;
use crate::platform::http::fast_path::{FastResponse, RequestInfo};
use crate::platform::http::{Peer, user_agent};
use crate::platform::{App, Error, Problem};
use crate::shared::{Kind, Role};
use crate::usage::Outcome;

pub const PATH: &str = "/api/v1/authorize";

const ORG: HeaderName = HeaderName::from_static("x-latchkey-org");
const ROLE: HeaderName = HeaderName::from_static("x-latchkey-role");
const KIND: HeaderName = HeaderName::from_static("x-latchkey-kind");
const KEY: HeaderName = HeaderName::from_static("x-latchkey-key");
const USER: HeaderName = HeaderName::from_static("x-latchkey-user");
const NAME: HeaderName = HeaderName::from_static("x-latchkey-name");
const OWNER: HeaderName = HeaderName::from_static("x-latchkey-owner");
const PERMISSIONS: HeaderName = HeaderName::from_static("x-latchkey-permissions");
const EMPTY: HeaderValue = HeaderValue::from_static("");

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
        (
            "permissions" = Option<String>,
            Query,
            description = "What the key must be allowed to do in your API: names, and, or, parentheses, such as \
                invoices.read and (shipments.read or shipments.*). With it the default of role is none"
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
                ("X-Latchkey-Owner" = String, description = "Its owner, form-encoded; empty if it has none"),
                (
                    "X-Latchkey-Permissions" = String,
                    description = "The names of the parameter `permissions` that it has, separated by commas; empty without it"
                ),
            )
        ),
        (status = 401, description = "No key, or none that is accepted"),
        (status = 403, description = "The key may not do this; or the query has a mistake, which the detail describes"),
        (status = 429, description = "The key's requests of this minute, or its quota, are used up"),
        (status = 503, description = "It cannot be decided now"),
    )
)]
pub fn authorize(app: &App, peer: Peer, request: Request) -> FastResponse<'_> {
    let info = match RequestInfo::of(app, peer, &request) {
        Ok(info) => info,
        Err(refused) => return FastResponse::Ready(*refused),
    };
    let (parts, _) = request.into_parts();
    match check_from_memory(app, &info, &parts) {
        Ok(Some(result)) => FastResponse::Ready(respond(info, result)),
        Ok(None) => FastResponse::Pending(Box::pin(async move {
            match check(app, &info, &parts).await {
                Ok(result) => respond(info, result),
                Err(error) => refuse(app, info, error),
            }
        })),
        Err(mistake) => FastResponse::Ready(refuse(app, info, mistake.into())),
    }
}

/// The verdict on the presented key.
struct AuthorizeResult {
    verdict: Verdict,
    /// The names of the query that the key has, separated by commas.
    permissions: Option<String>,
}

impl AuthorizeResult {
    fn of(verdict: Verdict, requirement: Option<&PermissionRequirement<'_>>) -> Self {
        let names = |requirement: &PermissionRequirement<'_>| {
            Some(verdict.permissions?.names(&requirement.query, true).join(","))
        };
        let permissions = requirement.and_then(names);
        Self { verdict, permissions }
    }
}

enum AuthorizeError {
    Mistake(Mistake),
    Error(Error),
}

impl From<Mistake> for AuthorizeError {
    fn from(mistake: Mistake) -> Self {
        Self::Mistake(mistake)
    }
}

impl From<Error> for AuthorizeError {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

/// Returns None when the check needs the database.
fn check_from_memory(
    app: &App,
    info: &RequestInfo,
    request: &Parts,
) -> Result<Option<AuthorizeResult>, Mistake> {
    let query = ProxyQuery::parse(parameters(&request.uri))?;
    let permissions = match query.permissions()? {
        None => None,
        Some(permissions) => {
            let Some(listed) = keys::cached_permissions(app, query.org) else { return Ok(None) };
            Some(require(permissions, listed)?)
        }
    };
    let verdict = match PresentedKey::of(&request.headers).single() {
        Err(outcome) => Verdict::of(outcome),
        Ok(key) => {
            let requirements = query.requirements(permissions.as_ref());
            let agent = user_agent(&request.headers);
            let verdict = keys::verify_cached(app, key, &requirements, &presenter(info, &agent));
            let Some(verdict) = verdict else { return Ok(None) };
            verdict
        }
    };
    Ok(Some(AuthorizeResult::of(verdict, permissions.as_ref())))
}

async fn check(app: &App, info: &RequestInfo, request: &Parts) -> Result<AuthorizeResult, AuthorizeError> {
    let query = ProxyQuery::parse(parameters(&request.uri))?;
    let permissions = match query.permissions()? {
        None => None,
        Some(permissions) => Some(require(permissions, keys::listed_permissions(app, query.org).await?)?),
    };
    let verdict = match PresentedKey::of(&request.headers).single() {
        Err(outcome) => Verdict::of(outcome),
        Ok(key) => {
            let requirements = query.requirements(permissions.as_ref());
            let agent = user_agent(&request.headers);
            keys::verify(app, key, &requirements, &presenter(info, &agent)).await?
        }
    };
    Ok(AuthorizeResult::of(verdict, permissions.as_ref()))
}

/// Fails when the organization does not list a name of the query.
fn require(
    query: PermissionQuery<'_>,
    listed: Arc<OrgPermissions>,
) -> Result<PermissionRequirement<'_>, Mistake> {
    let unknown = listed.unknown(&query);
    if unknown.is_empty() {
        return Ok(PermissionRequirement { query, listed });
    }
    Err(Mistake::UnknownPermissions(unknown.join(", ")))
}

fn refuse(app: &App, info: RequestInfo, error: AuthorizeError) -> Response {
    match error {
        AuthorizeError::Mistake(mistake) => {
            MistakeLog::report(app, &mistake, &info.request_id);
            info.problem(Problem::of(StatusCode::FORBIDDEN).detail(mistake.to_string()))
        }
        AuthorizeError::Error(error) => info.problem(error),
    }
}

/// The parameters are the query, or the first segment of the path below `PATH` when a proxy appends the original request's
/// path and query.
fn parameters(uri: &Uri) -> &str {
    match uri.path().strip_prefix(PATH).and_then(|below| below.strip_prefix('/')) {
        Some(below) => below.split('/').next().unwrap_or_default(),
        None => uri.query().unwrap_or_default(),
    }
}

fn respond(info: RequestInfo, result: AuthorizeResult) -> Response {
    let AuthorizeResult { verdict, permissions } = result;
    match (&verdict.key, verdict.outcome) {
        (Some(key), Outcome::Valid) => {
            let mut response = Response::new(Body::empty());
            *response.headers_mut() = describe(key);
            response.headers_mut().insert(PERMISSIONS, permissions.map_or(EMPTY, header_value));
            put_limits(response.headers_mut(), verdict.rate.as_ref(), verdict.quota.as_ref());
            info.finish(response)
        }
        _ => info.problem(refusal(&verdict)),
    }
}

/// A client that presents a key in the headers of its own request.
pub fn presenter<'a>(info: &'a RequestInfo, user_agent: &'a str) -> Presenter<'a> {
    Presenter { address: Some(info.address), reported_by: None, user_agent, request_id: &info.request_id }
}

fn describe(key: &VerifiedKey) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(14);
    headers.insert(KEY, header_value(key.id.to_string()));
    headers.insert(ORG, header_value(key.org.id.to_string()));
    headers.insert(USER, header_value(key.creator.to_string()));
    headers.insert(NAME, header_value(form_encoded(&key.name)));
    // Always there: Caddy passes a placeholder on as text when a header that it copies is missing.
    let owner = key.external_id.as_deref();
    headers.insert(OWNER, owner.map_or(EMPTY, |owner| header_value(form_encoded(owner))));
    headers.insert(ROLE, HeaderValue::from_static(key.role.as_str()));
    headers.insert(KIND, HeaderValue::from_static(key.kind.as_str()));
    headers
}

/// An id, a form-encoded text or names of permissions. All their characters are valid in a header.
fn header_value(text: String) -> HeaderValue {
    HeaderValue::try_from(text).unwrap_or(EMPTY)
}

fn form_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    encoded.extend(url::form_urlencoded::byte_serialize(text.as_bytes()));
    encoded
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
