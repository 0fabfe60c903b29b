//! Keys and refusals as JSON.

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::json;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::caller::CallerLimits;
use super::presented_key::put_limits;
use crate::api::ApiError;
use crate::keys::server::{Key, KeyQuota, QuotaDraft, Refusal, Revealed};
use crate::keys::{CallSample, QuotaPeriod, Status};
use crate::platform::Problem;
use crate::shared::{ApprovalId, Kind, Role, Timestamp};

/// A key, without its token.
#[derive(Serialize, ToSchema)]
#[schema(as = Key)]
pub struct KeyBody {
    pub id: String,
    pub name: String,
    pub kind: Kind,
    /// The beginning of the token with the current secret.
    pub key_prefix: String,
    pub role: Role,
    pub note: String,
    /// Whether requests with the key are accepted now.
    pub is_active: bool,
    pub status: Status,
    /// Whether its secret was found in public.
    pub is_leaked: bool,
    #[schema(format = DateTime)]
    pub created_at: String,
    #[schema(format = DateTime)]
    pub expires_at: Option<String>,
    pub rate_limit_per_minute: Option<u32>,
    /// The networks that it may be used from. Empty: anywhere.
    pub allowed_ranges: Vec<String>,
    /// Accepted requests.
    pub calls: i64,
    #[schema(format = DateTime)]
    pub last_used_at: Option<String>,
    /// The person in whose name it acts.
    pub created_by: String,
    /// The previous secret, while it is still valid.
    pub rotation: Option<Rotation>,
    /// The customer's id in your own system.
    pub external_id: Option<String>,
    /// A JSON object that checks return.
    #[schema(value_type = Option<Object>)]
    pub metadata: Option<Box<RawValue>>,
    /// What it may do in your API.
    pub permissions: Vec<String>,
    pub quota: Option<QuotaBody>,
    /// The accepted calls that are logged beside refused requests, while they are
    pub sample: Option<CallSampleBody>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = CallSample)]
pub struct CallSampleBody {
    /// One in so many accepted calls is logged.
    pub one_in: u32,
    #[schema(format = DateTime)]
    pub until: String,
}

/// Requests in a day or month (UTC).
#[derive(Serialize, Deserialize, ToSchema)]
#[schema(as = Quota)]
#[serde(deny_unknown_fields)]
pub struct QuotaBody {
    #[schema(minimum = 1, maximum = 1_000_000_000_000_i64)]
    pub limit: i64,
    pub period: QuotaPeriod,
}

impl From<QuotaBody> for QuotaDraft {
    fn from(QuotaBody { limit, period }: QuotaBody) -> Self {
        Self { limit, period }
    }
}

#[derive(Serialize, ToSchema)]
pub struct Rotation {
    pub previous_prefix: String,
    #[schema(format = DateTime)]
    pub valid_until: String,
}

/// A key with its plaintext, which is only in this response.
#[derive(Serialize, ToSchema)]
#[schema(as = KeyWithToken)]
pub struct NewKeyBody {
    pub key: String,
    #[serde(flatten)]
    pub about: KeyBody,
}

impl KeyBody {
    pub fn of(key: &Key, now: Timestamp) -> Self {
        let status = key.status(now);
        let text = |at: Timestamp| at.to_string();
        Self {
            id: key.id.to_string(),
            name: key.name.clone(),
            kind: key.kind,
            key_prefix: format!("{}_{}", key.kind.prefix(), key.secret),
            role: key.role,
            note: key.note.clone(),
            is_active: status.is_active(),
            status,
            is_leaked: key.is_leaked(),
            created_at: text(key.created_at),
            expires_at: key.expires_at.map(text),
            rate_limit_per_minute: key.rate_limit,
            allowed_ranges: key.ranges.iter().map(ToString::to_string).collect(),
            calls: key.calls,
            last_used_at: key.last_used_at.map(text),
            created_by: key.created_by.to_string(),
            rotation: key.rotation(now).map(|(secret, until)| Rotation {
                previous_prefix: format!("{}_{secret}", key.kind.prefix()),
                valid_until: text(until),
            }),
            external_id: key.customer.external_id.clone(),
            metadata: key.customer.metadata.clone().and_then(|text| RawValue::from_string(text).ok()),
            permissions: key.customer.permissions.clone(),
            quota: key.customer.quota.map(|KeyQuota { limit, period }| QuotaBody {
                limit: i64::try_from(limit).unwrap_or(i64::MAX),
                period,
            }),
            sample: key
                .sample(now)
                .map(|CallSample { one_in, until }| CallSampleBody { one_in, until: text(until) }),
        }
    }
}

impl NewKeyBody {
    pub fn of(revealed: &Revealed, now: Timestamp) -> Self {
        Self { key: revealed.plaintext.expose().to_owned(), about: KeyBody::of(&revealed.key, now) }
    }
}

/// A response with the states of the caller's rate limit and quota.
pub fn respond(status: StatusCode, limits: &CallerLimits, body: impl Serialize) -> Response {
    with_limits((status, Json(body)).into_response(), limits)
}

/// Adds the states of the caller's rate limit and quota to a response.
pub fn with_limits(mut response: Response, limits: &CallerLimits) -> Response {
    put_limits(response.headers_mut(), limits.rate.as_ref(), limits.quota.as_ref());
    response
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        Self::new(refusal)
    }
}

/// Input errors name the fields as they are in JSON.
impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::Error(error) => error.into_response(),
            Self::State(why) => Problem::of(StatusCode::CONFLICT).title("Not possible now").detail(why).into_response(),
            Self::Repeated(key) => Problem::of(StatusCode::CONFLICT)
                .title("Already done")
                .detail("A request with this Idempotency-Key was already executed. Its plaintext cannot be shown again.")
                .more("key_id", key.to_string())
                .into_response(),
            Self::Waits(id) => waits(id),
            Self::Input(wrong) => {
                let errors: Vec<_> = wrong
                    .iter()
                    .map(|(field, why)| json!({ "field": json_name(field), "message": why }))
                    .collect();
                let detail = wrong.first().map_or_else(String::new, |(_, why)| why.clone());
                let problem = Problem::of(StatusCode::UNPROCESSABLE_ENTITY);
                problem.detail(detail).more("errors", errors).into_response()
            }
        }
    }
}

/// A request that was accepted and waits for a second person.
#[derive(Serialize, ToSchema)]
#[schema(as = WaitingApproval)]
pub struct WaitingApprovalBody {
    /// The request's id, as in /api/v1/approvals
    pub approval_id: String,
    /// What happens next
    pub detail: String,
}

/// The response to a change that waits for the approval of a second person.
fn waits(id: ApprovalId) -> Response {
    let location = [(header::LOCATION, format!("/api/v1/approvals/{id}"))];
    let detail =
        "A second person must approve this, in the browser. Then its requester goes on there, on the page \
                  Approvals."
            .to_owned();
    let body = WaitingApprovalBody { approval_id: id.to_string(), detail };
    (StatusCode::ACCEPTED, location, Json(body)).into_response()
}

fn json_name(field: &'static str) -> &'static str {
    match field {
        "rate_limit" => "rate_limit_per_minute",
        "ranges" => "allowed_ranges",
        "overlap" => "overlap_seconds",
        "" => "request",
        other => other,
    }
}
