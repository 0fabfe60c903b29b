//! What agents ask for through their key: a new key, or a new secret of a key. A person confirms the request in the browser and
//! receives the secret. The agent never does.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::approval::{RequestedKey, details, file_creation};
use super::create::{CheckedDraft, NEEDS_SECOND_PERSON, check_draft, create_confirmed_draft};
use super::policy::require_compliance;
use super::rotate::{ENDED, check_overlap, rotate_confirmed};
use super::{Draft, Grants, Refusal, Revealed, lock_key_with_bounds, require, require_to_rotate, store};
use crate::approvals::server as approvals;
use crate::approvals::{ApprovalRequest, NewApproval};
use crate::keys::Status;
use crate::keys::server::Key;
use crate::orgs::server::Actor;
use crate::platform::{App, Error};
use crate::shared::{ApprovalId, KeyId, TOKEN_IN_TEXT, contains_token};
use crate::ui::parts::exact;

/// Requests of agents for a new key.
pub const AGENT_CREATES: &str = "agent.create_key";
/// Requests of agents for a new secret of a key.
pub const AGENT_ROTATES: &str = "agent.rotate_key";
/// The label of the agent's reason among the details of a request.
pub const AGENT_REASON: &str = "Why";
const MAX_REASON: usize = 500;

/// A requested rotation in the form that is stored.
#[derive(Debug, Serialize, Deserialize)]
struct RequestedRotation {
    key: KeyId,
    overlap_seconds: u64,
}

/// A creation or rotation that an agent asks a person to confirm.
#[derive(Debug)]
pub enum AgentRequest {
    Create(Draft),
    Rotate { key: KeyId, overlap: Duration },
}

impl AgentRequest {
    pub fn of(request: &ApprovalRequest) -> Result<Self, Error> {
        let unreadable = || Error::internal(format!("the request {} cannot be read", request.id));
        match request.kind.as_str() {
            AGENT_CREATES => {
                let requested: RequestedKey =
                    serde_json::from_str(&request.request).map_err(|_| unreadable())?;
                requested.draft().map(Self::Create).ok_or_else(unreadable)
            }
            AGENT_ROTATES => {
                let requested: RequestedRotation =
                    serde_json::from_str(&request.request).map_err(|_| unreadable())?;
                let overlap = Duration::from_secs(requested.overlap_seconds);
                Ok(Self::Rotate { key: requested.key, overlap })
            }
            _ => Err(unreadable()),
        }
    }
}

/// Asks a person for a new key, as the acting key. The same request within ten minutes is filed once.
pub async fn request_creation(
    app: &App,
    actor: &Actor,
    draft: &Draft,
    reason: &str,
) -> Result<ApprovalId, Refusal> {
    let reason = check_reason(reason)?;
    let CheckedDraft { role, new, rules } = check_draft(app, actor, draft).await?;
    if rules.needs_approval(role) {
        return Err(Refusal::State(NEEDS_SECOND_PERSON));
    }
    let request = json!(RequestedKey::of(draft.kind, role, &new));
    if let Some(id) = approvals::find_repeat(app, actor, AGENT_CREATES, &request).await? {
        return Ok(id);
    }
    let request = NewApproval {
        kind: AGENT_CREATES,
        title: format!("Create the key {}", new.name),
        details: with_reason(details(draft.kind, role, &new), &reason),
        request,
        least_role: role,
        once: None,
        key_receiver: None,
    };
    file_creation(app, actor, draft.kind, &new, role, request).await
}

/// Asks a person for a new secret of a key, as the acting key. The same request within ten minutes is filed once.
pub async fn request_rotation(
    app: &App,
    actor: &Actor,
    id: KeyId,
    overlap: Duration,
    reason: &str,
) -> Result<ApprovalId, Refusal> {
    require(app, actor, "rotate").await?;
    let reason = check_reason(reason)?;
    check_overlap(overlap)?;
    let found = store::find_by_id(app.db.pool(), id).await?;
    let found = found.filter(|key| key.org == actor.org.org).ok_or(Error::NotFound)?;
    require_to_rotate(app, actor, &found).await?;
    let request = json!(RequestedRotation { key: id, overlap_seconds: overlap.as_secs() });
    if let Some(filed) = approvals::find_repeat(app, actor, AGENT_ROTATES, &request).await? {
        return Ok(filed);
    }
    let (write, key, _) = lock_key_with_bounds(app, actor, id, "rotate", Grants::Secret).await?;
    if matches!(key.status(app.clock.now()), Status::Expired | Status::Revoked) {
        return Err(Refusal::State(ENDED));
    }
    let write = require_compliance(app, actor, write, &key, "rotate").await?;
    let request = NewApproval {
        kind: AGENT_ROTATES,
        title: format!("Rotate the key {}", key.name),
        details: with_reason(rotation_details(&key), &reason),
        request,
        least_role: key.role,
        once: None,
        key_receiver: None,
    };
    Ok(approvals::file(app, write, actor, request).await?)
}

fn rotation_details(key: &Key) -> Vec<(String, String)> {
    let ends = key.expires_at.map_or_else(|| "Never".to_owned(), exact);
    let details = [("Key", key.name.clone()), ("Secret now", key.prefix()), ("Expires", ends)];
    details.into_iter().map(|(label, text)| (label.to_owned(), text)).collect()
}

fn with_reason(mut details: Vec<(String, String)>, reason: &str) -> Vec<(String, String)> {
    if !reason.is_empty() {
        details.push((AGENT_REASON.to_owned(), reason.to_owned()));
    }
    details
}

fn check_reason(reason: &str) -> Result<String, Refusal> {
    let reason = reason.trim().replace("\r\n", "\n");
    if contains_token(&reason) {
        Err(Refusal::field("reason", TOKEN_IN_TEXT))
    } else if reason.chars().count() > MAX_REASON {
        Err(Refusal::field("reason", format!("A reason has at most {MAX_REASON} characters.")))
    } else if reason.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
        Err(Refusal::field("reason", "A reason has no control characters."))
    } else {
        Ok(reason)
    }
}

/// Does what an agent asks for, as the person who confirms it. `overlap` is the person's choice for a rotation.
pub async fn confirm_agent_request(
    app: &App,
    actor: &Actor,
    id: ApprovalId,
    hash: &str,
    overlap: Option<Duration>,
) -> Result<Revealed, Refusal> {
    let request = approvals::find_confirmable(app, actor, id, hash).await?;
    require_active(app, &request).await?;
    match AgentRequest::of(&request)? {
        AgentRequest::Create(draft) => create_confirmed_draft(app, actor, &draft, &request).await,
        AgentRequest::Rotate { key, overlap: asked } => {
            rotate_confirmed(app, actor, key, overlap.unwrap_or(asked), &request).await
        }
    }
}

/// Refuses a request whose key has ended meanwhile.
async fn require_active(app: &App, request: &ApprovalRequest) -> Result<(), Refusal> {
    const ENDED: &str = "The key that asked for this was revoked, disabled or has expired, so its request cannot be confirmed.";
    let key = match request.key {
        Some(id) => store::find_by_id(app.db.pool(), id).await?,
        None => None,
    };
    let is_active = key.is_some_and(|key| key.org == request.org && key.status(app.clock.now()).is_active());
    if is_active { Ok(()) } else { Err(Refusal::State(ENDED)) }
}
