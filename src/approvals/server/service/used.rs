//! Using an approved request, for the slice that filed it.

use super::refusal::ApprovalRefusal;
use crate::approvals::server::store;
use crate::approvals::{ApprovalRequest, ApprovalState};
use crate::audit::{self, Event};
use crate::orgs::server::Actor;
use crate::platform::db::Write;
use crate::platform::{App, Error};
use crate::shared::{ApprovalId, PrincipalKind};

const ALTERED: &str = "This request was changed after it was approved. File a new one.";

/// Finds an approved request that the actor may use now. Only its requester may, in the browser.
pub async fn find_usable(
    app: &App,
    actor: &Actor,
    id: ApprovalId,
    kind: &str,
) -> Result<ApprovalRequest, ApprovalRefusal> {
    let found = store::find(app.db.pool(), actor.org.org, id).await?;
    let found = found.filter(|request| request.is_visible_to(actor) && request.kind == kind);
    let request = found.ok_or(Error::NotFound)?;
    if request.requester != actor.user || actor.principal != PrincipalKind::Person {
        let event = Event::new("approval.refused").on("approval", id, &request.title);
        let why = "Only the requester can use an approved request, and only in the browser.".to_owned();
        return Err(audit::forbid(app, &actor.by, event, why).await.into());
    }
    match request.state(app.clock.now()) {
        ApprovalState::Approved if request.is_intact() => Ok(request),
        ApprovalState::Approved => Err(ApprovalRefusal::State(ALTERED.to_owned())),
        state => Err(ApprovalRefusal::State(why_not_usable(state).to_owned())),
    }
}

fn why_not_usable(state: ApprovalState) -> &'static str {
    match state {
        ApprovalState::Pending | ApprovalState::Approved => "This request waits for a decision.",
        ApprovalState::Used => "This request was already used.",
        ApprovalState::Denied => "This request was denied.",
        ApprovalState::Expired => "This request has expired. File a new one.",
        ApprovalState::Withdrawn => "This request was withdrawn.",
    }
}

/// Marks a request as used, in the transaction that executes it. Fails if it has already been used.
pub async fn record_use(
    app: &App,
    write: &mut Write,
    actor: &Actor,
    request: &ApprovalRequest,
    result: &str,
) -> Result<(), ApprovalRefusal> {
    // Read again: the row may have been changed since the request was checked.
    let current = store::find(&mut **write, request.org, request.id).await?.ok_or(Error::NotFound)?;
    if !current.is_intact() || current.hash != request.hash {
        return Err(ApprovalRefusal::State(ALTERED.to_owned()));
    }
    if !store::set_used(write, request.id, app.clock.now(), result).await? {
        return Err(ApprovalRefusal::State(why_not_usable(ApprovalState::Used).to_owned()));
    }
    let event = Event::new("approval.used").on("approval", request.id, &request.title);
    Ok(audit::record(app, write, &actor.by, event.detail("kind", request.kind.clone())).await?)
}
