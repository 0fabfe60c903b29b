//! Requests of agents. A person who may do what is asked for confirms or declines them on a page of the slice that does it.

use serde_json::Value;

use super::refusal::ApprovalRefusal;
use crate::approvals::server::store::{self, ApprovalDecision};
use crate::approvals::{ApprovalRequest, ApprovalState, CONFIRMATION_TIME, is_of_agent};
use crate::audit::{self, Event};
use crate::orgs::server::{Actor, lock_and_read_member};
use crate::platform::db::Write;
use crate::platform::{App, Error};
use crate::shared::{ApprovalId, PrincipalKind};

const ENDED: &str = "This request has ended: it was confirmed, declined or withdrawn, or its time is over.";
const OUT_OF_DATE: &str = "This page is out of date. Read the request again, and then decide.";

/// Finds a request of an agent: its own person and people who decide requests see it.
pub async fn find_of_agent(app: &App, actor: &Actor, id: ApprovalId) -> Result<ApprovalRequest, Error> {
    let request = super::read::find(app, actor, id).await?;
    if is_of_agent(&request.kind) { Ok(request) } else { Err(Error::NotFound) }
}

/// The request that this key filed for exactly the same within the time in which requests can be confirmed.
pub async fn find_repeat(
    app: &App,
    actor: &Actor,
    kind: &str,
    request: &Value,
) -> Result<Option<ApprovalId>, Error> {
    let Some(key) = actor.key else { return Ok(None) };
    let since = app.clock.now().minus(CONFIRMATION_TIME);
    let (whose, text) = ((actor.org.org, actor.user, key), request.to_string());
    let found = store::find_same_since(app.db.pool(), whose, (kind, &text), since).await?;
    Ok(found.map(|request| request.id))
}

/// Finds a request of an agent that this person may confirm now. `hash` is that of the request that the person saw.
pub async fn find_confirmable(
    app: &App,
    actor: &Actor,
    id: ApprovalId,
    hash: &str,
) -> Result<ApprovalRequest, ApprovalRefusal> {
    let request = find_of_agent(app, actor, id).await?;
    if actor.principal != PrincipalKind::Person {
        return Err(refuse_key(app, actor, &request).await.into());
    }
    if request.state(app.clock.now()) != ApprovalState::Pending {
        return Err(ApprovalRefusal::State(ENDED.to_owned()));
    }
    if request.hash != hash || !request.is_intact() {
        return Err(ApprovalRefusal::State(OUT_OF_DATE.to_owned()));
    }
    Ok(request)
}

/// Marks a request as confirmed and used, in the transaction that does what it asks for.
pub async fn record_confirmation(
    app: &App,
    write: &mut Write,
    actor: &Actor,
    request: &ApprovalRequest,
    result: &str,
) -> Result<(), ApprovalRefusal> {
    let person = lock_and_read_member(write, actor.org.org, actor.user).await?.ok_or(Error::OutOfStep)?;
    let by = (actor.user, person.name.as_str());
    if !store::confirm(write, request.id, app.clock.now(), by, &request.hash, result).await? {
        return Err(ApprovalRefusal::State(ENDED.to_owned()));
    }
    Ok(audit::record(app, write, &actor.by, about("approval.confirmed", request)).await?)
}

/// Declines a request of an agent. Everybody who sees it may.
pub async fn decline(app: &App, actor: &Actor, id: ApprovalId, hash: &str) -> Result<(), ApprovalRefusal> {
    let request = find_confirmable(app, actor, id, hash).await?;
    let now = app.clock.now();
    let mut write = app.db.write().await?;
    let person =
        lock_and_read_member(&mut write, actor.org.org, actor.user).await?.ok_or(Error::OutOfStep)?;
    let decision = ApprovalDecision {
        state: ApprovalState::Denied,
        by: actor.user,
        by_name: &person.name,
        reason: "",
        hash,
        expires_at: request.expires_at,
    };
    if !store::decide(&mut write, id, now, &decision).await? {
        return Err(ApprovalRefusal::State(ENDED.to_owned()));
    }
    audit::record(app, &mut write, &actor.by, about("approval.denied", &request)).await?;
    Ok(write.commit().await?)
}

async fn refuse_key(app: &App, actor: &Actor, request: &ApprovalRequest) -> Error {
    let why = "A key cannot confirm or decline a request. A person does it in the browser.".to_owned();
    audit::forbid(app, &actor.by, about("approval.refused", request), why).await
}

fn about(action: &'static str, request: &ApprovalRequest) -> Event {
    let event = Event::new(action).on("approval", request.id, &request.title);
    event.detail("kind", request.kind.clone()).detail("key", request.key_name.clone())
}
