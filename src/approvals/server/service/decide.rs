//! A second person approves or denies a request; its requester withdraws it.

use super::refusal::ApprovalRefusal;
use crate::approvals::server::store::{self, ApprovalDecision};
use crate::approvals::server::{ApprovalExecution, ApprovalHandlers, letters};
use crate::approvals::{ApprovalRequest, ApprovalState, MAX_REASON_LENGTH, USE_TIME};
use crate::audit::{self, By, Event};
use crate::orgs::server::{
    Actor, Membership, RoleTenure, find_current_member, lock_and_read_member, lock_and_read_role, role_tenure,
};
use crate::platform::db::Write;
use crate::platform::{App, Error};
use crate::shared::{ApprovalId, OrgId, Permission, Role, TOKEN_IN_TEXT, Timestamp, UserId, contains_token};
use crate::ui::parts::exact;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApprovalVerdict {
    Approve,
    Deny,
}

/// The decision that a person submits, and the version of the request that they saw.
#[derive(Clone, Debug)]
pub struct DecisionDraft {
    pub verdict: ApprovalVerdict,
    /// The hash of the request on the page.
    pub hash: String,
    /// Required to deny.
    pub reason: String,
}

const TOO_LATE: &str = "This request is no longer open: it was decided, withdrawn or has expired.";
const OUT_OF_DATE: &str = "This page is out of date. Read the request again, and then decide.";
const ALTERED: &str = "This request was changed after it was filed, so it cannot be approved. Deny it.";

/// Decides a request. Only people can; keys are refused.
pub async fn decide(
    app: &App,
    actor: &Actor,
    id: ApprovalId,
    draft: &DecisionDraft,
) -> Result<ApprovalRequest, ApprovalRefusal> {
    let reason = check_reason(draft)?;
    let mut write = app.db.write().await?;
    let role = lock_and_read_role(&mut write, actor).await?;
    let actor = &Actor { org: Membership { role, ..actor.org.clone() }, ..actor.clone() };
    let found = store::find(&mut *write, actor.org.org, id).await?;
    let request = found.filter(|request| request.is_visible_to(actor)).ok_or(Error::NotFound)?;
    if let Some(why) = request.why_cannot_decide(actor) {
        drop(write);
        return Err(refused(app, actor, &request, why).await.into());
    }
    let now = app.clock.now();
    let is_approval = draft.verdict == ApprovalVerdict::Approve;
    let least = request.least_role.max(Role::Admin);
    let tenure = role_tenure(app, &mut write, actor.org.org, actor.user, least).await?;
    if let (true, RoleTenure::SettlesAt(until)) = (is_approval, tenure) {
        return Err(ApprovalRefusal::State(too_new(least, until)));
    }
    if request.state(now) != ApprovalState::Pending {
        return Err(ApprovalRefusal::State(TOO_LATE.to_owned()));
    }
    if draft.hash != request.hash {
        return Err(ApprovalRefusal::State(OUT_OF_DATE.to_owned()));
    }
    if is_approval && !request.is_intact() {
        return Err(ApprovalRefusal::State(ALTERED.to_owned()));
    }
    let state = if is_approval { ApprovalState::Approved } else { ApprovalState::Denied };
    let approver =
        lock_and_read_member(&mut write, actor.org.org, actor.user).await?.ok_or(Error::OutOfStep)?;
    let decision = ApprovalDecision {
        state,
        by: actor.user,
        by_name: &approver.name,
        reason,
        hash: &draft.hash,
        expires_at: if is_approval { now.plus(USE_TIME) } else { request.expires_at },
    };
    if !store::decide(&mut write, id, now, &decision).await? {
        return Err(ApprovalRefusal::State(TOO_LATE.to_owned()));
    }
    let action = if is_approval { "approval.approved" } else { "approval.denied" };
    let event = about(&request, Event::new(action));
    let event = if reason.is_empty() { event } else { event.detail("reason", reason) };
    audit::record(app, &mut write, &actor.by, event).await?;
    let slice = app.slice::<ApprovalHandlers>().for_kind(&request.kind).filter(|_| is_approval);
    let execution = match slice {
        Some(slice) => slice.on_approved(app, &mut write, actor, &request).await?,
        None => ApprovalExecution::Deferred,
    };
    match execution {
        ApprovalExecution::Deferred => {}
        ApprovalExecution::Executed => {
            store::set_used(&mut write, id, now, "").await?;
            audit::record(app, &mut write, &actor.by, about(&request, Event::new("approval.used"))).await?;
        }
        ApprovalExecution::Refused(why) => return Err(ApprovalRefusal::State(why)),
    }
    let decided = store::find(&mut *write, actor.org.org, id).await?.ok_or(Error::NotFound)?;
    write.commit().await?;
    // Nobody else may read the reason.
    if let Some(person) = find_current_member(app, decided.org, decided.requester).await? {
        letters::decided(app, &person.email, &actor.org.org_name, &decided);
    }
    Ok(decided)
}

/// Why somebody whose role is new cannot approve a request yet.
pub fn too_new(role: Role, until: Timestamp) -> String {
    format!(
        "You have been {} for less than a day. You can approve this from {} on; somebody who has had the role for a day can \
         now.",
        role.with_article(),
        exact(until)
    )
}

fn check_reason(draft: &DecisionDraft) -> Result<&str, ApprovalRefusal> {
    let reason = draft.reason.trim();
    let why = if reason.is_empty() && draft.verdict == ApprovalVerdict::Deny {
        "Say why, so that the requester knows what to change.".to_owned()
    } else if reason.chars().count() > MAX_REASON_LENGTH {
        format!("A reason has at most {MAX_REASON_LENGTH} characters.")
    } else if contains_token(reason) {
        TOKEN_IN_TEXT.to_owned()
    } else if reason.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
        "A reason has no control characters.".to_owned()
    } else {
        return Ok(reason);
    };
    Err(ApprovalRefusal::Input("reason", why))
}

/// Withdraws a request. Only its requester can, or a key that its requester created.
pub async fn withdraw(app: &App, actor: &Actor, id: ApprovalId) -> Result<ApprovalRequest, ApprovalRefusal> {
    let mut write = app.db.write().await?;
    lock_and_read_role(&mut write, actor).await?;
    let found = store::find(&mut *write, actor.org.org, id).await?;
    let request = found.filter(|request| request.is_visible_to(actor)).ok_or(Error::NotFound)?;
    let why = if request.requester != actor.user {
        Some("Only the requester can withdraw a request.")
    } else if !actor.may(Permission::ManageOwnKeys) {
        Some("A key with the role viewer can only read.")
    } else {
        None
    };
    if let Some(why) = why {
        drop(write);
        return Err(refused(app, actor, &request, why.to_owned()).await.into());
    }
    if !store::set_withdrawn(&mut write, id, app.clock.now()).await? {
        return Err(ApprovalRefusal::State(TOO_LATE.to_owned()));
    }
    audit::record(app, &mut write, &actor.by, about(&request, Event::new("approval.withdrawn"))).await?;
    let withdrawn = store::find(&mut *write, actor.org.org, id).await?.ok_or(Error::NotFound)?;
    write.commit().await?;
    Ok(withdrawn)
}

/// Withdraws the open requests of a member who is removed, in the transaction of the removal, so that the person cannot use them
/// after joining again.
pub async fn withdraw_all_of(
    app: &App,
    write: &mut Write,
    by: &By,
    org: OrgId,
    requester: UserId,
) -> Result<(), Error> {
    let now = app.clock.now();
    for request in store::open_of(write, org, requester, now).await? {
        store::set_withdrawn(write, request.id, now).await?;
        let event = about(&request, Event::new("approval.withdrawn"));
        audit::record(app, write, by, event.detail("because", "the requester was removed")).await?;
    }
    Ok(())
}

/// Adds the request to an event.
fn about(request: &ApprovalRequest, event: Event) -> Event {
    event.on("approval", request.id, &request.title).detail("kind", request.kind.clone())
}

async fn refused(app: &App, actor: &Actor, request: &ApprovalRequest, why: String) -> Error {
    audit::forbid(app, &actor.by, about(request, Event::new("approval.refused")), why).await
}
