//! `POST /api/v1/keys/verify`: a service, with its own key, checks another key of the same organization.

use std::net::IpAddr;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::authorize::from;
use super::caller::ANY;
use super::json::ApiError;
use super::presented::{Presented, refuse, tell_rate};
use crate::keys::server::{self as keys, Kinds, Presenter, Requirements, Verdict, VerifiedKey as Key};
use crate::platform::http::Peer;
use crate::platform::http::fast_path::{self, RequestInfo};
use crate::platform::{App, Error, Problem};
use crate::shared::{Kind, OrgId, Role};
use crate::usage::Outcome;

#[derive(Deserialize, ToSchema)]
#[schema(as = VerifyRequest)]
#[serde(deny_unknown_fields)]
pub struct Question {
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
pub struct Answer {
    valid: bool,
    code: Outcome,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<Checked>,
    #[serde(skip_serializing_if = "Option::is_none")]
    org: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<Role>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rate_limit: Option<Limit>,
}

/// What is told of the checked key. Of one whose secret was not proven: its identifier alone.
#[derive(Serialize, ToSchema)]
#[schema(as = VerifiedKey)]
pub struct Checked {
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
pub struct Limit {
    limit: u32,
    remaining: u32,
    reset_seconds: u64,
}

/// Check another key of the same organization
#[utoipa::path(post, path = "/api/v1/keys/verify", operation_id = "verifyKey", tag = "checks", request_body = Question,
    responses((status = 200, description = "Whether the key is accepted, and why not", body = Answer), (status = 400), (status = 401), (status = 403), (status = 413), (status = 422), (status = 429), (status = 503)))]
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
    let Some(asker) = own.key.as_ref().filter(|_| own.outcome == Outcome::Valid) else {
        return refuse(info, &own);
    };
    let question = match fast_path::json::<Question>(app, &parts.headers, body).await {
        Ok(question) => question,
        Err(problem) => return info.problem(problem),
    };
    match answer(app, asker.org.id, &info.request_id, &question).await {
        Ok(answer) => {
            // Plain strings and numbers: there is nothing that could not be written.
            let body = serde_json::to_vec(&answer).unwrap_or_default();
            let mut response = Response::new(Body::from(body));
            let json = HeaderValue::from_static("application/json");
            response.headers_mut().insert(header::CONTENT_TYPE, json);
            if let Some(rate) = &own.rate {
                tell_rate(response.headers_mut(), rate);
            }
            info.finish(response)
        }
        Err(refused) => info.problem(refused),
    }
}

async fn own_key(app: &App, info: &RequestInfo, headers: &HeaderMap) -> Result<Verdict, Error> {
    match Presented::of(headers) {
        Presented::Missing => Ok(Verdict::of(Outcome::Missing)),
        Presented::Several => Ok(Verdict::of(Outcome::Malformed)),
        Presented::One(key) => keys::verify(app, key, &ANY, &from(info, headers)).await,
    }
}

async fn answer(app: &App, org: OrgId, request_id: &str, question: &Question) -> Result<Answer, ApiError> {
    let address = match question.ip.as_deref() {
        None => None,
        Some(text) => Some(text.trim().parse::<IpAddr>().map_err(|_| {
            let problem = Problem::of(StatusCode::UNPROCESSABLE_ENTITY);
            ApiError::new(problem.detail("ip is not an address."))
        })?),
    };
    if question.key.is_empty() {
        return Ok(told(&Verdict::of(Outcome::Missing), org));
    }
    let kinds =
        question.kinds.as_ref().map(|kinds| kinds.iter().fold(Kinds::NONE, |all, kind| all.and(*kind)));
    let wanted = Requirements {
        org: Some(org),
        least_role: question.role.unwrap_or(Role::Viewer),
        kinds: kinds.unwrap_or(Kinds::DEFAULT),
        plan: true,
    };
    let from = Presenter { address, reported_by: Some(org), user_agent: "", request_id };
    let verdict = keys::verify(app, &question.key, &wanted, &from).await?;
    if let Some(wait) = verdict.retry_after {
        return Err(Error::TooMany(wait).into());
    }
    Ok(told(&verdict, org))
}

/// Another organization's key is unknown here, whatever it is.
fn told(verdict: &Verdict, org: OrgId) -> Answer {
    let own = verdict.key.as_ref().filter(|key| key.org.id == org);
    let known = verdict.rejected.filter(|known| known.org == org);
    let code = match (verdict.key.is_some() || verdict.rejected.is_some(), own.is_some() || known.is_some()) {
        (true, false) => Outcome::Unknown,
        _ => verdict.outcome,
    };
    let unproven = known.map(|known| Checked {
        id: known.key.to_string(),
        name: None,
        kind: None,
        created_by: None,
        expires_at: None,
    });
    Answer {
        valid: code == Outcome::Valid,
        code,
        key: own.map(proven).or(unproven),
        org: own.map(|key| key.org.id.to_string()),
        role: own.map(|key| key.role),
        rate_limit: verdict.rate.filter(|_| own.is_some()).map(|rate| Limit {
            limit: rate.limit,
            remaining: rate.remaining,
            reset_seconds: rate.reset.as_secs(),
        }),
    }
}

fn proven(key: &Key) -> Checked {
    Checked {
        id: key.key.to_string(),
        name: Some(key.name.to_string()),
        kind: Some(key.kind),
        created_by: Some(key.creator.to_string()),
        expires_at: key.expires_at().map(|at| at.to_string()),
    }
}
