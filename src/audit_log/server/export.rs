//! The export of the filtered log as JSON lines or CSV.

use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};
use tower_sessions::Session;

use super::columns;
use super::filter::FilterQuery;
use super::redirect_without_token;
use crate::audit::{self, AuditFilter, Recorded};
use crate::orgs::server::Member;
use crate::platform::download::{self, FileFormat, Portion};
use crate::platform::{App, Downloads, Error};
use crate::shared::{OrgId, Permission};

/// The rows per query.
const PORTION_ROWS: usize = 250;

#[derive(Deserialize)]
pub struct ExportQuery {
    /// "csv", or anything else for JSON lines.
    #[serde(default)]
    format: String,
}

pub async fn download(
    State(app): State<App>,
    member: Member,
    session: Session,
    headers: HeaderMap,
    Query(ExportQuery { format }): Query<ExportQuery>,
    Query(query): Query<FilterQuery>,
) -> Result<Response, Error> {
    member.require(Permission::ReadAudit)?;
    if let Some(redirect) = redirect_without_token(&session, &query).await? {
        return Ok(redirect);
    }
    let format = FileFormat::requested(&format, &headers);
    let org = member.org.org;
    let permit = app.slice::<Downloads>().begin(org)?;
    let filter = query.filter(&app, &member).await?;
    let mut first = read(&app, org, filter, format).await?;
    if format == FileFormat::Csv {
        first.text.insert_str(0, &columns::header());
    }
    Ok(download::download("audit-log", format, permit, first, move |filter| {
        let app = app.clone();
        async move { read(&app, org, filter, format).await }
    }))
}

async fn read(
    app: &App,
    org: OrgId,
    mut filter: AuditFilter,
    format: FileFormat,
) -> Result<Portion<AuditFilter>, sqlx::Error> {
    let rows = download::in_time(app, audit::list(app.db.pool(), org, &filter, PORTION_ROWS)).await?;
    let mut text = String::new();
    for row in &rows {
        match format {
            FileFormat::JsonLines => {
                text.push_str(&value(row).to_string());
                text.push('\n');
            }
            FileFormat::Csv => columns::push(&mut text, row),
        }
    }
    let next = rows.last().filter(|_| rows.len() == PORTION_ROWS).map(|last| last.id);
    let next = next.map(|before| {
        filter.before = Some(before);
        filter
    });
    Ok(Portion { text, next })
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
