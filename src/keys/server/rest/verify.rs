//! `POST /api/v1/keys/verify`: a service, with its own key, checks another key of the same organization.

use std::net::IpAddr;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::authorize::presenter;
use super::caller::ANY_KEY;
use super::presented_key::{PresentedKey, put_rate, refusal};
use crate::api::ApiError;
use crate::keys::server::{self as keys, Kinds, Presenter, Requirements, Verdict, VerifiedKey};
use crate::platform::http::fast_path::{RequestInfo, read_json};
use crate::platform::http::{Peer, user_agent};
use crate::platform::{App, Error, Problem};
use crate::shared::{Kind, OrgId, Role};
use crate::usage::Outcome;

#[derive(Deserialize, ToSchema)]
#[schema(as = VerifyRequest)]
#[serde(deny_unknown_fields)]
pub struct VerifyForm {
    /// The key to check
    #[serde(default)]
    key: String,
    /// The address of the end caller, for keys that are bound to ranges
    ip: Option<String>,
    /// The lowest accepted role; the default is viewer
    role: Option<Role>,
    /// The accepted kinds; the default is all but test
    kinds: Option<Vec<Kind>>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = VerifyResult)]
pub struct VerifyBody {
    valid: bool,
    code: Outcome,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<CheckedKey>,
    #[serde(skip_serializing_if = "Option::is_none")]
    org: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<Role>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rate_limit: Option<RateBody>,
}

/// The checked key. While its secret is not verified, only the id is set.
#[derive(Serialize, ToSchema)]
#[schema(as = VerifiedKey)]
pub struct CheckedKey {
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<Kind>,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    expires_at: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = RateLimit)]
pub struct RateBody {
    limit: u32,
    remaining: u32,
    reset_seconds: u64,
}

/// Check another key of the same organization
#[utoipa::path(post, path = "/api/v1/keys/verify", operation_id = "verifyKey", tag = "checks", request_body = VerifyForm,
    responses((status = 200, description = "Whether the key is accepted, and why not", body = VerifyBody), (status = 400), (status = 401), (status = 403), (status = 413), (status = 422), (status = 429), (status = 503)))]
pub async fn verify(app: &App, peer: Peer, request: Request) -> Response {
    let info = match RequestInfo::of(app, peer, &request) {
        Ok(info) => info,
        Err(refused) => return *refused,
    };
    let (parts, body) = request.into_parts();
    let own = match own_key(app, &info, &parts.headers).await {
        Ok(own) => own,
        Err(refused) => return info.problem(refused),
    };
    let Some(caller) = own.key.as_ref().filter(|_| own.outcome == Outcome::Valid) else {
        return info.problem(refusal(&own));
    };
    let form = match read_json::<VerifyForm>(app, &parts.headers, body).await {
        Ok(form) => form,
        Err(problem) => return info.problem(problem),
    };
    match check(app, caller.org.id, &info.request_id, &form).await {
        Ok(body) => {
            // Strings and numbers always serialize.
            let body = serde_json::to_vec(&body).unwrap_or_default();
            let mut response = Response::new(Body::from(body));
            let json = HeaderValue::from_static("application/json");
            response.headers_mut().insert(header::CONTENT_TYPE, json);
            if let Some(rate) = &own.rate {
                put_rate(response.headers_mut(), rate);
            }
            info.finish(response)
        }
        Err(refused) => info.problem(refused),
    }
}

async fn own_key(app: &App, info: &RequestInfo, headers: &HeaderMap) -> Result<Verdict, Error> {
    match PresentedKey::of(headers) {
        PresentedKey::Missing => Ok(Verdict::of(Outcome::Missing)),
        PresentedKey::Several => Ok(Verdict::of(Outcome::Malformed)),
        PresentedKey::One(key) => {
            keys::verify(app, key, &ANY_KEY, &presenter(info, &user_agent(headers))).await
        }
    }
}

async fn check(app: &App, org: OrgId, request_id: &str, form: &VerifyForm) -> Result<VerifyBody, ApiError> {
    let address = match form.ip.as_deref() {
        None => None,
        Some(text) => Some(text.trim().parse::<IpAddr>().map_err(|_| {
            let problem = Problem::of(StatusCode::UNPROCESSABLE_ENTITY);
            ApiError::new(problem.detail("ip is not an address."))
        })?),
    };
    if form.key.is_empty() {
        return Ok(body(&Verdict::of(Outcome::Missing), org));
    }
    let kinds = form.kinds.as_ref().map(|kinds| kinds.iter().fold(Kinds::NONE, |all, kind| all.and(*kind)));
    let requirements = Requirements {
        org: Some(org),
        least_role: form.role.unwrap_or(Role::Viewer),
        kinds: kinds.unwrap_or(Kinds::DEFAULT),
        plan: true,
    };
    let presenter = Presenter { address, reported_by: Some(org), user_agent: "", request_id };
    let verdict = keys::verify(app, &form.key, &requirements, &presenter).await?;
    if let Some(wait) = verdict.retry_after {
        return Err(Error::TooMany(wait).into());
    }
    Ok(body(&verdict, org))
}

/// A key of another organization is reported as unknown.
fn body(verdict: &Verdict, org: OrgId) -> VerifyBody {
    let own = verdict.key.as_ref().filter(|key| key.org.id == org);
    let rejected = verdict.rejected.filter(|rejected| rejected.org == org);
    let code =
        match (verdict.key.is_some() || verdict.rejected.is_some(), own.is_some() || rejected.is_some()) {
            (true, false) => Outcome::Unknown,
            _ => verdict.outcome,
        };
    let unverified = rejected.map(|rejected| CheckedKey {
        id: rejected.key.to_string(),
        name: None,
        kind: None,
        created_by: None,
        expires_at: None,
    });
    VerifyBody {
        valid: code == Outcome::Valid,
        code,
        key: own.map(checked_key).or(unverified),
        org: own.map(|key| key.org.id.to_string()),
        role: own.map(|key| key.role),
        rate_limit: verdict.rate.filter(|_| own.is_some()).map(|rate| RateBody {
            limit: rate.limit,
            remaining: rate.remaining,
            reset_seconds: rate.reset.as_secs(),
        }),
    }
}

fn checked_key(key: &VerifiedKey) -> CheckedKey {
    CheckedKey {
        id: key.id.to_string(),
        name: Some(key.name.to_string()),
        kind: Some(key.kind),
        created_by: Some(key.creator.to_string()),
        expires_at: key.expires_at().map(|at| at.to_string()),
    }
}
