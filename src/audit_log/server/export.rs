//! The export of the filtered log as JSON lines. It is read and sent in chunks, so that a long log needs little memory and no
//! transaction stays open.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tower_sessions::Session;

use super::filter::FilterQuery;
use super::redirect_without_token;
use crate::audit::{self, AuditFilter, Recorded};
use crate::orgs::server::Member;
use crate::platform::db::Fault;
use crate::platform::{App, Error, Quota, stream};
use crate::shared::{OrgId, Permission};

/// The rows per query.
const CHUNK_ROWS: usize = 250;
const CHUNK_TIMEOUT: Duration = Duration::from_secs(10);
/// The number of downloads at the same time. Each has a chunk of the log and a compressor, about half a megabyte.
const MOST: usize = 16;
const MAX_OF_ORG: usize = 4;

/// The downloads in progress.
pub struct Exports {
    all: Arc<Semaphore>,
    by_org: Quota<OrgId>,
}

impl Default for Exports {
    fn default() -> Self {
        Self { all: Arc::new(Semaphore::new(MOST)), by_org: Quota::default() }
    }
}

pub async fn download(
    State(app): State<App>,
    member: Member,
    session: Session,
    Query(query): Query<FilterQuery>,
) -> Result<Response, Error> {
    member.require(Permission::ReadAudit)?;
    if let Some(redirect) = redirect_without_token(&session, &query).await? {
        return Ok(redirect);
    }
    let org = member.org.org;
    let exports = app.slice::<Exports>();
    let of_org = exports.by_org.take(org, MAX_OF_ORG).ok_or(Error::Busy)?;
    let of_all = Arc::clone(&exports.all).try_acquire_owned().map_err(|_| Error::Busy)?;
    // Held by the stream until its end, or until its client disconnects.
    let permit = Arc::new((of_org, of_all));
    let filter = query.filter(&app, &member).await?;
    // A response has begun once the first chunk is there, so that a failure before it is a proper refusal.
    let first = read(&app, org, &filter).await?;
    let lines = stream::steps(Some((filter, Some(first))), move |state| {
        let (app, org, permit) = (app.clone(), org, Arc::clone(&permit));
        async move {
            let _permit = permit;
            let (mut filter, rows) = state?;
            let rows = match rows {
                Some(first) => Ok(first),
                None => read(&app, org, &filter).await,
            };
            let rows = match rows {
                Ok(rows) => rows,
                // An error aborts the response, so that the client does not mistake it for the complete log.
                Err(error) => return Some((Err(error), None)),
            };
            let next = rows.last().filter(|_| rows.len() == CHUNK_ROWS).map(|last| last.id);
            let text: String = rows.iter().map(line).collect();
            let rest = next.map(|before| {
                filter.before = Some(before);
                (filter, None)
            });
            Some((Ok(text), rest))
        }
    });
    let headers = [
        (header::CONTENT_TYPE, "application/jsonl"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"audit-log.jsonl\""),
        (header::CACHE_CONTROL, "no-store"),
    ];
    Ok((headers, Body::from_stream(lines)).into_response())
}

/// Reads a chunk. The time limit of requests ended when the response began, so each chunk has its own.
async fn read(app: &App, org: OrgId, filter: &AuditFilter) -> Result<Vec<Recorded>, sqlx::Error> {
    let piece = app.db.or_lost(audit::list(app.db.pool(), org, filter, CHUNK_ROWS));
    tokio::time::timeout(CHUNK_TIMEOUT, piece).await.unwrap_or_else(|_| Err(Fault::Silent.into()))
}

/// Serializes an event as one line of JSON.
fn line(row: &Recorded) -> String {
    let mut line = value(row).to_string();
    line.push('\n');
    line
}

pub fn value(row: &Recorded) -> Value {
    json!({
        "id": row.id,
        "at": row.at.to_string(),
        "actor": { "kind": row.actor_kind, "id": row.actor_id, "name": row.actor_name },
        "action": row.action,
        "target": { "kind": row.target_kind, "id": row.target_id, "name": row.target_name },
        "address": row.address,
        "user_agent": row.user_agent,
        "request_id": row.request_id,
        "details": row.details,
        "times": row.times.max(1),
    })
}
