//! The tool that searches the audit log.

use rmcp::model::CallToolResponse;

use super::{ToolCall, answer, within};
use crate::audit::{self, AuditFilter, Recorded, Target};
use crate::mcp::server::arguments::SearchAuditArguments;
use crate::mcp::server::bodies::{AgentEvent, AgentParty, AuditBody};
use crate::mcp::server::failure::ToolFailure;
use crate::platform::Error;
use crate::shared::{EventId, KeyId, Permission, Timestamp, contains_token};
use crate::ui::parts::counted;

pub async fn search_audit(
    call: &ToolCall<'_>,
    arguments: SearchAuditArguments,
) -> Result<CallToolResponse, ToolFailure> {
    call.actor.require(Permission::ReadAudit)?;
    let limit = within("limit", arguments.limit, 50, 1, 100)?;
    let limit = usize::try_from(limit).unwrap_or(50);
    let filter = filter(arguments)?;
    let events = audit::list(call.app.db.pool(), call.actor.org.org, &filter, limit + 1).await;
    let mut events = events.map_err(Error::from)?;
    let has_more = events.len() > limit;
    events.truncate(limit);
    let next_cursor = events.last().filter(|_| has_more).map(|event| event.id.to_string());
    let events: Vec<_> = events.into_iter().map(event).collect();
    let sentence = match events.len() as u64 {
        0 => "No event matches.".to_owned(),
        count if has_more => format!("{}, and there are older ones.", counted(count, "event", "events")),
        count => format!("{}.", counted(count, "event", "events")),
    };
    answer(sentence, &AuditBody { events, next_cursor })
}

fn filter(arguments: SearchAuditArguments) -> Result<AuditFilter, ToolFailure> {
    let texts = [&arguments.actor, &arguments.action, &arguments.target];
    if texts.into_iter().flatten().any(|text| contains_token(text)) {
        return Err(ToolFailure::text(
            "One of the arguments is the secret of a key. Never pass one to a tool.",
        ));
    }
    let since = match arguments.since.as_deref() {
        None => None,
        Some(text) => Some(
            Timestamp::parse(text)
                .ok_or_else(|| ToolFailure::text("since: A moment is written as 2026-11-20T10:00:00Z."))?,
        ),
    };
    let before = match arguments.cursor.as_deref() {
        None => None,
        Some(text) => Some(
            EventId::parse(text)
                .ok_or_else(|| ToolFailure::text("cursor: Pass the next_cursor of a page, or nothing."))?,
        ),
    };
    // All ids have the same form.
    let target =
        |text: String| if KeyId::parse(&text).is_some() { Target::Id(text) } else { Target::Name(text) };
    Ok(AuditFilter {
        actors: arguments.actor.into_iter().collect(),
        actions: arguments.action.into_iter().collect(),
        targets: arguments.target.map(target).into_iter().collect(),
        request: None,
        since,
        before,
    })
}

fn event(event: Recorded) -> AgentEvent {
    AgentEvent {
        id: event.id.to_string(),
        at: event.at.to_string(),
        action: event.action,
        actor: AgentParty { kind: event.actor_kind, id: event.actor_id, name: event.actor_name },
        target: AgentParty { kind: event.target_kind, id: event.target_id, name: event.target_name },
        address: event.address,
        details: event.details,
        times: event.times.max(1),
    }
}
