//! `POST /api/v1/keys/verify`: a service, with its own key, checks another key of the same organization.

use std::net::IpAddr;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::authorize::presenter;
use super::caller::ANY_KEY;
use super::presented_key::{PresentedKey, put_limits, refusal};
use crate::api::ApiError;
use crate::key_policy::PolicyRule;
use crate::keys::server::{
    self as keys, Kinds, PermissionRequirement, Presenter, Requirements, Verdict, VerifiedKey,
};
use crate::keys::{MAX_COST, QuotaPeriod};
use crate::permissions::query::PermissionQuery;
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
    /// The lowest accepted role; the default is viewer, or none with permissions
    role: Option<Role>,
    /// The accepted kinds; the default is all but test
    kinds: Option<Vec<Kind>>,
    /// What the key must be allowed to do in your API: names, and, or, parentheses, such as
    /// invoices.read and (shipments.read or shipments.*)
    permissions: Option<String>,
    /// How much of the key's quota the request uses up; the default is 1, and 0 uses up nothing
    #[schema(minimum = 0, maximum = 1_000_000)]
    cost: Option<i64>,
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
    #[serde(skip_serializing_if = "Option::is_none")]
    quota: Option<QuotaStateBody>,
    /// The names of the query that the key has
    #[serde(skip_serializing_if = "Option::is_none")]
    permissions: Option<Vec<String>>,
    /// The names of the query that it lacks, if it was refused for them
    #[serde(skip_serializing_if = "Option::is_none")]
    missing_permissions: Option<Vec<String>>,
    /// The rule of the key policy that refused the key, if one did
    #[serde(skip_serializing_if = "Option::is_none")]
    policy_rule: Option<&'static str>,
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
    /// The customer's id in your own system
    #[serde(skip_serializing_if = "Option::is_none")]
    external_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    metadata: Option<Box<RawValue>>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = RateLimit)]
pub struct RateBody {
    limit: u32,
    remaining: u32,
    reset_seconds: u64,
}

#[derive(Serialize, ToSchema)]
#[schema(as = QuotaState)]
pub struct QuotaStateBody {
    limit: u64,
    remaining: u64,
    period: QuotaPeriod,
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
            put_limits(response.headers_mut(), own.rate.as_ref(), own.quota.as_ref());
            info.finish(response)
        }
        Err(refused) => info.problem(refused),
    }
}

async fn own_key(app: &App, info: &RequestInfo, headers: &HeaderMap) -> Result<Verdict, Error> {
    match PresentedKey::of(headers).single() {
        Err(outcome) => Ok(Verdict::of(outcome)),
        Ok(key) => keys::verify(app, key, &ANY_KEY, &presenter(info, &user_agent(headers))).await,
    }
}

async fn check(app: &App, org: OrgId, request_id: &str, form: &VerifyForm) -> Result<VerifyBody, ApiError> {
    let refuse = |status, why: String| ApiError::new(Problem::of(status).detail(why));
    let address = match form.ip.as_deref() {
        None => None,
        Some(text) => Some(
            text.trim()
                .parse::<IpAddr>()
                .map_err(|_| refuse(StatusCode::UNPROCESSABLE_ENTITY, "ip is not an address.".to_owned()))?,
        ),
    };
    let cost = form.cost.unwrap_or(1);
    let cost = u32::try_from(cost).ok().filter(|_| cost <= MAX_COST).ok_or_else(|| {
        refuse(StatusCode::UNPROCESSABLE_ENTITY, "cost is a number from 0 to 1,000,000.".to_owned())
    })?;
    let permissions = match form.permissions.as_deref() {
        None => None,
        Some(text) => {
            let query = PermissionQuery::parse(text)
                .map_err(|error| refuse(StatusCode::BAD_REQUEST, format!("permissions is wrong: {error}")))?;
            let listed = keys::listed_permissions(app, org).await?;
            let unknown = listed.unknown(&query);
            if !unknown.is_empty() {
                let names = unknown.join(", ");
                let why = format!("permissions names {names}, which the organization does not list.");
                let problem =
                    Problem::of(StatusCode::BAD_REQUEST).detail(why).more("unknown_permissions", unknown);
                return Err(ApiError::new(problem));
            }
            Some(PermissionRequirement { query, listed })
        }
    };
    if form.key.is_empty() {
        return Ok(body(&Verdict::of(Outcome::Missing), org, None));
    }
    let kinds = form.kinds.as_ref().map(|kinds| kinds.iter().fold(Kinds::NONE, |all, kind| all.and(*kind)));
    let default_role = if permissions.is_some() { Role::None } else { Role::Viewer };
    let requirements = Requirements {
        org: Some(org),
        audience: None,
        least_role: form.role.unwrap_or(default_role),
        kinds: kinds.unwrap_or(Kinds::DEFAULT),
        plan: true,
        permissions: permissions.as_ref(),
        cost,
    };
    let presenter = Presenter { address, reported_by: Some(org), user_agent: "", request_id };
    let verdict = keys::verify(app, &form.key, &requirements, &presenter).await?;
    if let Some(wait) = verdict.retry_after {
        return Err(Error::TooMany(wait).into());
    }
    Ok(body(&verdict, org, permissions.as_ref()))
}

/// A key of another organization is reported as unknown.
fn body(verdict: &Verdict, org: OrgId, requirement: Option<&PermissionRequirement<'_>>) -> VerifyBody {
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
        external_id: None,
        metadata: None,
    });
    let names = |is_granted: bool| {
        let (evaluation, requirement) = (verdict.permissions.filter(|_| own.is_some())?, requirement?);
        let names = evaluation.names(&requirement.query, is_granted);
        Some(names.into_iter().map(str::to_owned).collect::<Vec<_>>())
    };
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
        quota: verdict.quota.filter(|_| own.is_some()).map(|quota| QuotaStateBody {
            limit: quota.limit,
            remaining: quota.remaining,
            period: quota.period,
            reset_seconds: quota.reset.as_secs(),
        }),
        permissions: names(true),
        missing_permissions: names(false).filter(|_| code == Outcome::InsufficientPermissions),
        policy_rule: verdict.rule.filter(|_| own.is_some()).map(PolicyRule::as_str),
    }
}

fn checked_key(key: &VerifiedKey) -> CheckedKey {
    CheckedKey {
        id: key.id.to_string(),
        name: Some(key.name.to_string()),
        kind: Some(key.kind),
        created_by: Some(key.creator.to_string()),
        expires_at: key.expires_at().map(|at| at.to_string()),
        external_id: key.external_id.as_deref().map(str::to_owned),
        metadata: key.metadata.as_deref().and_then(|text| RawValue::from_string(text.to_owned()).ok()),
    }
}
