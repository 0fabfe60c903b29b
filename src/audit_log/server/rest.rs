//! `GET /api/v1/audit`: the events of the organization, for keys with the role admin or owner.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::columns;
use crate::api::Unreadable;
use crate::api::{ApiError, Moment, csv_page};
use crate::audit::{self, AuditFilter, Recorded, Target};
use crate::keys::server::Refusal;
use crate::keys::server::rest::ApiCaller;
use crate::keys::server::rest::{respond, with_limits};
use crate::platform::download::FileFormat;
use crate::platform::{App, Error};
use crate::shared::{EventId, Permission};

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AuditQuery {
    /// The identifier of a person or key
    actor: Option<String>,
    /// Such as key.created
    action: Option<String>,
    /// An identifier
    target: Option<String>,
    request_id: Option<String>,
    /// RFC 3339; only events from this time on
    #[param(value_type = Option<String>, format = DateTime)]
    since: Option<Moment>,
    /// The size of a page; the default is 50
    #[param(minimum = 1, maximum = 100)]
    limit: Option<usize>,
    /// The next_cursor of the previous page
    cursor: Option<String>,
    /// csv: the page as CSV, as with the header Accept: text/csv
    format: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = AuditEventList)]
pub struct EventList {
    /// The newest first.
    data: Vec<EventBody>,
    next_cursor: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = AuditEvent)]
pub struct EventBody {
    id: String,
    #[schema(format = DateTime)]
    at: String,
    actor: Party,
    action: String,
    target: Party,
    address: String,
    user_agent: String,
    request_id: String,
    #[schema(value_type = Object)]
    details: serde_json::Value,
    /// How many refusals this stands for; 1 for a change
    times: i64,
}

#[derive(Serialize, ToSchema)]
#[schema(as = AuditParty)]
pub struct Party {
    kind: String,
    id: String,
    name: String,
}

/// The audit log of the organization
///
/// As CSV, a page has one line for each event, after a line with the names of the columns; the address of the next page is in the
/// header Link.
#[utoipa::path(get, path = "/api/v1/audit", operation_id = "listAuditEvents", tag = "audit", params(AuditQuery),
    responses((status = 200, description = "A page of events", content((EventList = "application/json"), (String = "text/csv"))), (status = 401), (status = 403), (status = 422)))]
pub async fn list(
    State(app): State<App>,
    caller: ApiCaller,
    address: Uri,
    headers: HeaderMap,
    query: Result<Query<AuditQuery>, QueryRejection>,
) -> Result<Response, ApiError> {
    let Query(query) = query.map_err(Unreadable::from)?;
    caller.actor.require(Permission::ReadAudit)?;
    let format = FileFormat::requested(query.format.as_deref().unwrap_or_default(), &headers);
    let limit = query.limit.unwrap_or(50);
    if !(1..=100).contains(&limit) {
        let why = "A page has from 1 to 100 events.".to_owned();
        return Err(Refusal::Input(vec![("limit", why)]).into());
    }
    let before = query.cursor.map(|text| {
        EventId::parse(&text).ok_or_else(|| {
            Refusal::Input(vec![("cursor", "This cursor is not one of this list's.".to_owned())])
        })
    });
    let filter = AuditFilter {
        actors: query.actor.into_iter().collect(),
        actions: query.action.into_iter().collect(),
        targets: query.target.map(Target::Id).into_iter().collect(),
        request: query.request_id,
        since: query.since.map(|Moment(at)| at),
        before: before.transpose()?,
    };
    let mut events =
        audit::list(app.db.pool(), caller.actor.org.org, &filter, limit + 1).await.map_err(Error::from)?;
    let more = events.len() > limit;
    events.truncate(limit);
    let next_cursor = events.last().filter(|_| more).map(|event| event.id.to_string());
    if format == FileFormat::Csv {
        let mut text = columns::header();
        events.iter().for_each(|event| columns::push(&mut text, event));
        return Ok(with_limits(csv_page(&address, text, next_cursor.as_deref()), &caller.limits));
    }
    let body = EventList { data: events.into_iter().map(body).collect(), next_cursor };
    Ok(respond(StatusCode::OK, &caller.limits, body))
}

fn body(event: Recorded) -> EventBody {
    EventBody {
        id: event.id.to_string(),
        at: event.at.to_string(),
        actor: Party { kind: event.actor_kind, id: event.actor_id, name: event.actor_name },
        action: event.action,
        target: Party { kind: event.target_kind, id: event.target_id, name: event.target_name },
        address: event.address,
        user_agent: event.user_agent,
        request_id: event.request_id,
        details: event.details.into(),
        times: event.times.max(1),
    }
}
