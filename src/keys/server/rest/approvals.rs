//! `/api/v1/approvals`: listing and withdrawing requests. Deciding them, and creating what was approved, takes a person in the
//! browser.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::bodies::respond;
use super::caller::ApiCaller;
use crate::api::{ApiError, Unreadable};
use crate::approvals::server::{self as approvals, ApprovalListFilter};
use crate::approvals::{ApprovalRequest, ApprovalState};
use crate::keys::server::Refusal;
use crate::platform::App;
use crate::platform::http::PathId;
use crate::shared::{ApprovalId, Role, Timestamp};
use crate::word_schemas;

word_schemas!(ApprovalState);

impl Serialize for ApprovalState {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// A request that a second person decides
#[derive(Serialize, ToSchema)]
#[schema(as = Approval)]
pub struct ApprovalBody {
    id: String,
    /// The kind of request, such as key.create
    kind: String,
    title: String,
    state: ApprovalState,
    /// Labels and texts, as the page shows them
    details: Vec<ApprovalDetailBody>,
    /// The person who filed the request, or in whose name a key filed it
    requested_by: String,
    /// The key that filed the request
    requested_by_key: Option<String>,
    /// The lowest role that can decide
    decided_by_role: Role,
    #[schema(format = DateTime)]
    created_at: String,
    /// Until when it can be decided or, once approved, used
    #[schema(format = DateTime)]
    expires_at: String,
    #[schema(format = DateTime)]
    decided_at: Option<String>,
    decided_by: Option<String>,
    /// The reason for the decision; may be empty
    reason: String,
    /// The id of what it created; empty until it is used
    result: String,
}

#[derive(Serialize, ToSchema)]
#[schema(as = ApprovalDetail)]
pub struct ApprovalDetailBody {
    label: String,
    text: String,
}

impl ApprovalBody {
    fn of(request: ApprovalRequest, now: Timestamp) -> Self {
        let state = request.state(now);
        let detail = |(label, text)| ApprovalDetailBody { label, text };
        Self {
            id: request.id.to_string(),
            kind: request.kind,
            title: request.title,
            state,
            details: request.details.into_iter().map(detail).collect(),
            requested_by: request.requester.to_string(),
            requested_by_key: request.key.map(|key| key.to_string()),
            decided_by_role: request.least_role,
            created_at: request.created_at.to_string(),
            expires_at: request.expires_at.to_string(),
            decided_at: request.decided_at.map(|at| at.to_string()),
            decided_by: request.decided_by.map(|person| person.to_string()),
            reason: request.reason,
            result: request.result,
        }
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = ApprovalList)]
pub struct ApprovalListBody {
    /// The newest first
    data: Vec<ApprovalBody>,
    next_cursor: Option<String>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ApprovalsQuery {
    /// True: only requests that wait for a decision
    waiting: Option<bool>,
    /// The size of a page; the default is 50
    #[param(minimum = 1, maximum = 100)]
    limit: Option<usize>,
    /// The next_cursor of the previous page
    cursor: Option<String>,
}

/// Requests that a second person decides
///
/// Keys of admins and owners see all requests of the organization, others those of their own creator.
#[utoipa::path(get, path = "/api/v1/approvals", operation_id = "listApprovals", tag = "approvals", params(ApprovalsQuery),
    responses((status = 200, description = "A page of requests", body = ApprovalListBody), (status = 401), (status = 422)))]
pub async fn list(
    State(app): State<App>,
    caller: ApiCaller,
    query: Result<Query<ApprovalsQuery>, QueryRejection>,
) -> Result<Response, ApiError> {
    let Query(query) = query.map_err(Unreadable::from)?;
    let wrong = |field, why: &str| ApiError::from(Refusal::Input(vec![(field, why.to_owned())]));
    let limit = query.limit.unwrap_or(50);
    if !(1..=100).contains(&limit) {
        return Err(wrong("limit", "A page has from 1 to 100 requests."));
    }
    let before = match query.cursor.as_deref() {
        None => None,
        Some(text) => Some(
            ApprovalId::parse(text)
                .ok_or_else(|| wrong("cursor", "This cursor is not one of this list's."))?,
        ),
    };
    let filter =
        if query.waiting.unwrap_or(false) { ApprovalListFilter::Waiting } else { ApprovalListFilter::All };
    let page = approvals::list(&app, &caller.actor, filter, before, limit).await?;
    let now = app.clock.now();
    let body = ApprovalListBody {
        data: page.requests.into_iter().map(|request| ApprovalBody::of(request, now)).collect(),
        next_cursor: page.next.map(|id| id.to_string()),
    };
    Ok(respond(StatusCode::OK, &caller.limits, body))
}

/// One request
#[utoipa::path(get, path = "/api/v1/approvals/{id}", operation_id = "getApproval", tag = "approvals", params(("id" = String, Path, description = "The request's id")),
    responses((status = 200, description = "The request", body = ApprovalBody), (status = 401), (status = 404)))]
pub async fn show(
    State(app): State<App>,
    caller: ApiCaller,
    PathId(id): PathId<ApprovalId>,
) -> Result<Response, ApiError> {
    let request = approvals::find(&app, &caller.actor, id).await?;
    Ok(respond(StatusCode::OK, &caller.limits, ApprovalBody::of(request, app.clock.now())))
}

/// Withdraw a request of the calling key's creator
#[utoipa::path(post, path = "/api/v1/approvals/{id}/withdraw", operation_id = "withdrawApproval", tag = "approvals", params(("id" = String, Path, description = "The request's id")),
    responses((status = 200, description = "The withdrawn request", body = ApprovalBody), (status = 401), (status = 403), (status = 404), (status = 422)))]
pub async fn withdraw(
    State(app): State<App>,
    caller: ApiCaller,
    PathId(id): PathId<ApprovalId>,
) -> Result<Response, ApiError> {
    let request = approvals::withdraw(&app, &caller.actor, id).await.map_err(Refusal::from)?;
    Ok(respond(StatusCode::OK, &caller.limits, ApprovalBody::of(request, app.clock.now())))
}
