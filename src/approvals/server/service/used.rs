//! Using an approved request, for the slice that filed it.

use super::refusal::ApprovalRefusal;
use crate::approvals::server::store;
use crate::approvals::{ApprovalRequest, ApprovalState};
use crate::audit::{self, Event};
use crate::orgs::server::Actor;
use crate::platform::db::Write;
use crate::platform::{App, Error};
use crate::shared::{ApprovalId, PrincipalKind};

const ALTERED: &str = "This request is not the one that was approved. Ask again.";

/// Finds an approved request that the actor may use now. Only its requester may, in the browser.
pub async fn to_use(
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
        let why = "Only the person who asked can use an approved request, in the browser.".to_owned();
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
        ApprovalState::Used => "This request was used already.",
        ApprovalState::Denied => "This request was denied.",
        ApprovalState::Expired => "This request has expired. Ask again.",
        ApprovalState::Withdrawn => "This request was withdrawn.",
    }
}

/// Marks a request as used, in the transaction of what it asked for. Fails if another one was quicker.
pub async fn record_use(
    app: &App,
    write: &mut Write,
    actor: &Actor,
    request: &ApprovalRequest,
    result: &str,
) -> Result<(), ApprovalRefusal> {
    // Read again: the row may have been changed since the request was checked.
    let present = store::find(&mut **write, request.org, request.id).await?.ok_or(Error::NotFound)?;
    if !present.is_intact() || present.hash != request.hash {
        return Err(ApprovalRefusal::State(ALTERED.to_owned()));
    }
    if !store::set_used(write, request.id, app.clock.now(), result).await? {
        return Err(ApprovalRefusal::State(why_not_usable(ApprovalState::Used).to_owned()));
    }
    let event = Event::new("approval.used").on("approval", request.id, &request.title);
    Ok(audit::record(app, write, &actor.by, event.detail("kind", request.kind.clone())).await?)
}
