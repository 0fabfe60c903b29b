//! `GET /api/v1/keys/{id}/usage`: requests by hour, secret and outcome, and the callers.

use std::time::Duration;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::bodies::respond;
use super::caller::ApiCaller;
use crate::api::ApiError;
use crate::api::Unreadable;
use crate::keys::server::{self as keys, Refusal};
use crate::platform::http::PathId;
use crate::platform::{App, Error};
use crate::shared::{KeyId, Timestamp};
use crate::usage::Outcome;
use crate::usage::server::{self as usage, Hour, KeyCaller};

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct UsageQuery {
    /// The number of hours before now; the default is 24
    #[param(minimum = 1, maximum = 2_160)]
    hours: Option<u64>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Usage)]
pub struct UsageBody {
    key_id: String,
    #[schema(format = DateTime)]
    from: String,
    #[schema(format = DateTime)]
    to: String,
    hours: Vec<HourBody>,
    callers: Vec<CallerBody>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = UsageHour)]
pub struct HourBody {
    /// When the hour begins.
    #[schema(format = DateTime)]
    hour: String,
    /// The public id of the secret.
    secret_id: String,
    outcome: Outcome,
    requests: i64,
}

#[derive(Serialize, ToSchema)]
#[schema(as = UsageCaller)]
pub struct CallerBody {
    /// The public id of the secret that was sent.
    secret_id: String,
    /// Empty for callers that are counted together.
    address: String,
    user_agent: String,
    #[schema(format = DateTime)]
    first_at: String,
    #[schema(format = DateTime)]
    last_at: String,
    requests: i64,
}

/// The usage of a key
#[utoipa::path(get, path = "/api/v1/keys/{id}/usage", operation_id = "getKeyUsage", tag = "keys",
    params(("id" = String, Path, description = "The key's id"), UsageQuery),
    responses((status = 200, description = "The key's requests", body = UsageBody), (status = 401), (status = 404), (status = 422)))]
pub async fn show(
    State(app): State<App>,
    caller: ApiCaller,
    PathId(id): PathId<KeyId>,
    query: Result<Query<UsageQuery>, QueryRejection>,
) -> Result<Response, ApiError> {
    let Query(query) = query.map_err(Unreadable::from)?;
    let hours = query.hours.unwrap_or(24);
    if !(1..=2_160).contains(&hours) {
        let why = "From 1 to 2160 hours can be shown.".to_owned();
        return Err(Refusal::Input(vec![("hours", why)]).into());
    }
    let body = read(&app, &caller, id, hours).await?;
    Ok(respond(StatusCode::OK, &caller.limits, body))
}

async fn read(app: &App, caller: &ApiCaller, id: KeyId, hours: u64) -> Result<UsageBody, Error> {
    let key = keys::find(app, &caller.actor, id).await?;
    let to = app.clock.now();
    let from = to.minus(Duration::from_secs((hours - 1) * 3_600)).hour();
    let hours = usage::hours_of(app, key.id, from).await?;
    let callers = usage::callers_of(app, key.id, from).await?;
    Ok(UsageBody {
        key_id: key.id.to_string(),
        from: from.to_string(),
        to: to.to_string(),
        hours: hours.into_iter().map(hour).collect(),
        callers: callers.into_iter().map(caller_body).collect(),
    })
}

fn hour(hour: Hour) -> HourBody {
    let begins = Timestamp::from_millis(hour.hour * 3_600_000);
    HourBody {
        hour: begins.to_string(),
        secret_id: hour.secret,
        outcome: hour.outcome,
        requests: hour.requests,
    }
}

fn caller_body(caller: KeyCaller) -> CallerBody {
    CallerBody {
        secret_id: caller.secret,
        address: caller.address,
        user_agent: caller.user_agent,
        first_at: caller.first_at.to_string(),
        last_at: caller.last_at.to_string(),
        requests: caller.requests,
    }
}
