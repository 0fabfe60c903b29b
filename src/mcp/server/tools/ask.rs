//! The tools that ask a person for a secret. The person confirms in the browser and receives the secret; the agent learns the
//! outcome when it calls the tool again.

use std::collections::BTreeMap;
use std::time::Duration;

use rmcp::model::{CallToolResponse, ElicitRequest, ElicitRequestParams, InputRequest, InputRequiredResult};

use super::{ToolCall, answer, within};
use crate::approvals::server as approvals;
use crate::approvals::{ApprovalRequest, ApprovalState, agent_request_path};
use crate::keys::server::{self as keys, AGENT_CREATES, AGENT_ROTATES, CustomerDraft, Draft};
use crate::mcp::server::arguments::{CreateKeyArguments, RotateKeyArguments};
use crate::mcp::server::bodies::{AskedPersonBody, KeySummary};
use crate::mcp::server::failure::ToolFailure;
use crate::mcp::server::find_key::find_key;
use crate::mcp::server::request_state;
use crate::platform::Error;
use crate::shared::{ApprovalId, KeyId, Kind, Role, Timestamp};
use crate::ui::parts::exact;

const CREATE: &str = "create_key";
const ROTATE: &str = "rotate_key";
const DAY_MILLIS: i64 = 24 * 60 * 60 * 1_000;
const STATE: &str = "requestState: It does not belong to this tool and key.";

pub async fn create_key(
    call: &ToolCall<'_>,
    arguments: CreateKeyArguments,
) -> Result<CallToolResponse, ToolFailure> {
    if let Some(state) = call.state {
        return continued(call, CREATE, AGENT_CREATES, state).await;
    }
    let reason = arguments.reason.clone().unwrap_or_default();
    let draft = draft(arguments, call.app.clock.now())?;
    let id = keys::request_creation(call.app, call.actor, &draft, &reason).await?;
    asked(call, CREATE, id).await
}

pub async fn rotate_key(
    call: &ToolCall<'_>,
    arguments: RotateKeyArguments,
) -> Result<CallToolResponse, ToolFailure> {
    if let Some(state) = call.state {
        return continued(call, ROTATE, AGENT_ROTATES, state).await;
    }
    let hours = within("overlap_hours", arguments.overlap_hours, 24, 0, 2_160)?;
    let overlap = Duration::from_secs(hours.unsigned_abs() * 3_600);
    let key = find_key(call.app, call.actor, &arguments.key).await?;
    let reason = arguments.reason.unwrap_or_default();
    let id = keys::request_rotation(call.app, call.actor, key.id, overlap, &reason).await?;
    asked(call, ROTATE, id).await
}

fn draft(arguments: CreateKeyArguments, now: Timestamp) -> Result<Draft, ToolFailure> {
    let kind = match arguments.kind.as_deref() {
        None => Kind::Live,
        Some(text) => Kind::parse(text).ok_or_else(|| {
            let kinds = Kind::ALL.map(Kind::as_str).join(", ");
            ToolFailure::Text(format!("kind: One of {kinds}."))
        })?,
    };
    let role = match arguments.role.as_deref() {
        None => Role::Viewer,
        Some(text) => Role::parse_of_key(text).ok_or_else(|| {
            let roles = Role::OF_KEYS.map(Role::as_str).join(", ");
            ToolFailure::Text(format!("role: One of {roles}."))
        })?,
    };
    let expires_at =
        match (arguments.expires_at.as_deref(), arguments.expires_in_days) {
            (Some(_), Some(_)) => {
                return Err(ToolFailure::text("Pass expires_at or expires_in_days, not both."));
            }
            (Some(text), None) => Some(Timestamp::parse(text).ok_or_else(|| {
                ToolFailure::text("expires_at: A moment is written as 2026-11-20T10:00:00Z.")
            })?),
            (None, Some(days)) => {
                let days = within("expires_in_days", Some(days), 1, 1, 3_650)?;
                Some(end_of_day(now, days))
            }
            (None, None) => None,
        };
    Ok(Draft {
        name: arguments.name,
        kind,
        role: Some(role),
        note: arguments.note.unwrap_or_default(),
        expires_at,
        rate_limit: arguments.rate_limit_per_minute,
        ranges: arguments.allowed_ranges,
        customer: CustomerDraft::default(),
    })
}

/// Midnight (UTC) at the end of the day that comes this many days later, so that a repeated call asks for the same.
fn end_of_day(now: Timestamp, days: i64) -> Timestamp {
    Timestamp::from_millis((now.millis().div_euclid(DAY_MILLIS) + days + 1) * DAY_MILLIS)
}

/// The answer to a call that continues an earlier one.
async fn continued(
    call: &ToolCall<'_>,
    tool: &str,
    kind: &str,
    state: &str,
) -> Result<CallToolResponse, ToolFailure> {
    let opened = request_state::open(call.app, call.actor, tool, state).await?;
    let id = opened.ok_or(ToolFailure::Request(STATE))?;
    let request = find_own(call, id).await?;
    if request.kind != kind {
        return Err(ToolFailure::Request(STATE));
    }
    outcome(call, tool, &request).await
}

/// The answer to a first call: a link for the person, or the outcome if the same was asked a moment ago.
async fn asked(call: &ToolCall<'_>, tool: &str, id: ApprovalId) -> Result<CallToolResponse, ToolFailure> {
    let request = find_own(call, id).await?;
    let is_pending = request.state(call.app.clock.now()) == ApprovalState::Pending;
    if !is_pending || !call.can_open_links {
        return outcome(call, tool, &request).await;
    }
    let params = ElicitRequestParams::UrlElicitationParams {
        meta: None,
        message: format!("{}? Open the page to see what is asked for, and to decide.", request.title),
        url: link(call, id),
        elicitation_id: id.to_string(),
    };
    let ask = InputRequest::Elicitation(ElicitRequest::new(params));
    let state = request_state::seal(call.app, call.actor, tool, id).await?;
    Ok(InputRequiredResult::new(Some(BTreeMap::from([("person".to_owned(), ask)])), Some(state)).into())
}

/// Only the key that filed a request learns about it.
async fn find_own(call: &ToolCall<'_>, id: ApprovalId) -> Result<ApprovalRequest, Error> {
    let request = approvals::find_of_agent(call.app, call.actor, id).await?;
    if request.key == call.actor.key { Ok(request) } else { Err(Error::NotFound) }
}

fn link(call: &ToolCall<'_>, id: ApprovalId) -> String {
    format!("{}{}", call.app.public_url.origin(), agent_request_path(id))
}

async fn outcome(
    call: &ToolCall<'_>,
    tool: &str,
    request: &ApprovalRequest,
) -> Result<CallToolResponse, ToolFailure> {
    let state = request.state(call.app.clock.now());
    let (url, who) = (link(call, request.id), request.decided_by_name.clone());
    let mut body = AskedPersonBody {
        status: String::new(),
        url: None,
        expires_at: None,
        key: None,
        decided_by: (!who.is_empty()).then(|| who.clone()),
    };
    let (status, sentence) = match state {
        ApprovalState::Pending | ApprovalState::Approved => {
            let sentence = format!(
                "A person must decide this. Give them this link: {url} It works until {}. Do not open it yourself. Then call \
                 {tool} again with the same arguments to learn the outcome.",
                exact(request.expires_at)
            );
            (body.url, body.expires_at) = (Some(url), Some(request.expires_at.to_string()));
            ("pending", sentence)
        }
        ApprovalState::Used => {
            let id = KeyId::parse(&request.result).ok_or(Error::NotFound)?;
            let key = keys::find(call.app, call.actor, id).await?;
            let verb = if tool == CREATE { "created" } else { "rotated" };
            let sentence = format!(
                "{who} {verb} the key {} and has its secret. Its token begins with {}.",
                key.name,
                key.prefix().trim_end_matches('…')
            );
            body.key = Some(KeySummary::load(call.app, &key).await?);
            ("done", sentence)
        }
        ApprovalState::Denied => {
            ("declined", format!("{who} declined this. Do not ask again unless the person wants it."))
        }
        ApprovalState::Withdrawn => {
            ("withdrawn", "The request was withdrawn. Nothing was changed.".to_owned())
        }
        ApprovalState::Expired => {
            let sentence =
                "Nobody decided in time, and nothing was changed. Ask the person before you call again.";
            ("expired", sentence.to_owned())
        }
    };
    body.status = status.to_owned();
    answer(sentence, &body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_of_days_is_the_same_moment_all_day() {
        let at = |text: &str| Timestamp::parse(text).expect("a moment");
        let end = at("2026-11-22T00:00:00Z");
        assert_eq!(end_of_day(at("2026-11-20T00:00:00Z"), 1), end);
        assert_eq!(end_of_day(at("2026-11-20T23:59:59Z"), 1), end);
    }
}
