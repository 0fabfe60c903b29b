//! `GET /api/v1/keys/{id}/refusals`: the last requests with a key that were refused, and its sampled calls. `GET /api/v1/refusals`:
//! the refused requests with any key of the organization.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::bodies::respond;
use super::caller::ApiCaller;
use crate::api::{ApiError, Unreadable};
use crate::keys::server::{self as keys, Refusal, RefusalPage, RefusalSpan};
use crate::platform::App;
use crate::platform::http::PathId;
use crate::shared::KeyId;
use crate::usage::Outcome;
use crate::usage::server::{RefusalFilter, RefusalPosition, RefusalReason};

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct RefusalListQuery {
    /// Only requests that were refused for this reason; with valid, only the logged accepted calls
    #[param(value_type = Option<Outcome>)]
    outcome: Option<String>,
    /// Also the logged accepted calls
    #[serde(default)]
    #[param(default = false)]
    accepted: bool,
    /// Only requests at this time or later
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<String>,
    /// Only requests before this time
    #[param(value_type = Option<String>, format = DateTime)]
    until: Option<String>,
    /// The size of a page; the default is 50
    #[param(minimum = 1, maximum = 100)]
    limit: Option<usize>,
    /// The next_cursor of the previous page
    cursor: Option<String>,
}

fn wrong(field: &'static str, why: &str) -> ApiError {
    Refusal::Input(vec![(field, why.to_owned())]).into()
}

impl RefusalListQuery {
    fn filter(&self) -> Result<RefusalFilter, ApiError> {
        let outcome = self
            .outcome
            .as_deref()
            .map(|text| Outcome::parse(text).ok_or_else(|| wrong("outcome", "There is no such outcome.")));
        let before = self.cursor.as_deref().map(|text| {
            RefusalPosition::parse(text)
                .ok_or_else(|| wrong("cursor", "This cursor is not one of this list's."))
        });
        let limit = self.limit.unwrap_or(50);
        if !(1..=100).contains(&limit) {
            return Err(wrong("limit", "A page has from 1 to 100 requests."));
        }
        // A page takes an empty time for none.
        for (field, time) in [("from", &self.from), ("until", &self.until)] {
            if time.as_deref().is_some_and(str::is_empty) {
                return Err(wrong(field, "Write a time such as 2026-11-20T14:00:00Z."));
            }
        }
        let end = |end: &Option<String>| end.clone().unwrap_or_default();
        let span = RefusalSpan::parse(&end(&self.from), &end(&self.until))
            .map_err(|(field, why)| wrong(field, &why))?;
        let RefusalSpan { from, until } = span;
        let (outcome, before) = (outcome.transpose()?, before.transpose()?);
        Ok(RefusalFilter { outcome, accepted: self.accepted, from, until, before, limit })
    }
}

#[derive(Serialize, ToSchema)]
pub struct RefusalList {
    /// The newest first.
    data: Vec<RefusalBody>,
    next_cursor: Option<String>,
}

impl RefusalList {
    fn of(page: RefusalPage) -> Self {
        Self {
            data: page.requests.into_iter().map(RefusalBody::of).collect(),
            next_cursor: page.next.map(|next| next.to_text()),
        }
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = RefusedKeyRequest)]
pub struct RefusalBody {
    /// The request id, which a refused caller received.
    request_id: String,
    #[schema(format = DateTime)]
    at: String,
    key_id: String,
    /// The public id of the secret that was sent.
    secret_id: String,
    outcome: Outcome,
    /// Empty when it is unknown.
    address: String,
    /// Whether the key had the permissions that the check asked for; null if it asked for none.
    permitted: Option<bool>,
}

impl RefusalBody {
    fn of(refused: RefusalReason) -> Self {
        Self {
            request_id: refused.request_id,
            at: refused.at.to_string(),
            key_id: refused.key.to_string(),
            secret_id: refused.secret.to_string(),
            outcome: refused.outcome,
            address: refused.address,
            permitted: refused.permitted,
        }
    }
}

/// The last refused requests of a key
///
/// Up to 60 requests an hour are recorded, for 7 days. If the key's sample_one_in is set, as many accepted calls are recorded
/// too; they are listed on request.
#[utoipa::path(get, path = "/api/v1/keys/{id}/refusals", operation_id = "listKeyRefusals", tag = "keys",
    params(("id" = String, Path, description = "The key's id"), RefusalListQuery),
    responses((status = 200, description = "A page of refused requests", body = RefusalList), (status = 401), (status = 404), (status = 422)))]
pub async fn list(
    State(app): State<App>,
    caller: ApiCaller,
    PathId(id): PathId<KeyId>,
    query: Result<Query<RefusalListQuery>, QueryRejection>,
) -> Result<Response, ApiError> {
    let Query(query) = query.map_err(Unreadable::from)?;
    let (_, page) = keys::refusals(&app, &caller.actor, id, query.filter()?).await?;
    Ok(respond(StatusCode::OK, &caller.limits, RefusalList::of(page)))
}

/// The last refused requests of all keys
///
/// Up to 60 requests an hour of each key are recorded, for 7 days.
#[utoipa::path(get, path = "/api/v1/refusals", operation_id = "listRefusals", tag = "keys", params(RefusalListQuery),
    responses((status = 200, description = "A page of refused requests", body = RefusalList), (status = 401), (status = 422)))]
pub async fn list_all(
    State(app): State<App>,
    caller: ApiCaller,
    query: Result<Query<RefusalListQuery>, QueryRejection>,
) -> Result<Response, ApiError> {
    let Query(query) = query.map_err(Unreadable::from)?;
    let (page, _) = keys::org_refusals(&app, &caller.actor, query.filter()?).await?;
    Ok(respond(StatusCode::OK, &caller.limits, RefusalList::of(page)))
}
