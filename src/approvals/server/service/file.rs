//! Files a request. The slice that files it has already validated it and begun the transaction.

use super::refusal::ApprovalRefusal;
use crate::approvals::server::{letters, store};
use crate::approvals::{
    ApprovalRequest, ApprovalState, CONFIRMATION_TIME, DECISION_TIME, MAX_PENDING, NewApproval, is_of_agent,
};
use crate::audit::{self, Event, EventActor};
use crate::orgs::server::{Actor, lock_and_read_member, managers};
use crate::platform::db::Write;
use crate::platform::{App, Error, Secret};
use crate::shared::{ApprovalId, is_invisible};

/// Files a request and commits. The transaction holds the organization's lock, so the limit on pending requests is exact.
pub async fn file(
    app: &App,
    mut write: Write,
    actor: &Actor,
    new: NewApproval,
) -> Result<ApprovalId, ApprovalRefusal> {
    let now = app.clock.now();
    let once = new.once.as_ref().map(Secret::fingerprint);
    if let Some(hash) = &once
        && let Some(id) =
            store::find_by_idempotency_hash(&mut *write, actor.org.org, actor.user, hash).await?
    {
        return Ok(id);
    }
    if store::count_pending(&mut write, actor.org.org, actor.user, now).await? >= MAX_PENDING {
        let why =
            format!("You already have {MAX_PENDING} pending requests. Withdraw one, or wait for a decision.");
        return Err(ApprovalRefusal::State(why));
    }
    let person =
        lock_and_read_member(&mut write, actor.org.org, actor.user).await?.ok_or(Error::OutOfStep)?;
    let key_name = match &actor.by.actor {
        EventActor::Key { name, .. } => name.clone(),
        _ => String::new(),
    };
    let is_of_agent = is_of_agent(new.kind);
    let mut request = ApprovalRequest {
        id: ApprovalId::new(now, app.random_for_id()),
        org: actor.org.org,
        kind: new.kind.to_owned(),
        requester: actor.user,
        requester_name: person.name,
        key: actor.key,
        key_name,
        key_creator: actor.key.map(|_| actor.user),
        key_receiver: new.key_receiver,
        title: visible(&new.title),
        details: new.details.iter().map(|(label, text)| (label.clone(), visible(text))).collect(),
        request: new.request.to_string(),
        hash: String::new(),
        least_role: new.least_role,
        stored_state: ApprovalState::Pending,
        created_at: now,
        expires_at: now.plus(if is_of_agent { CONFIRMATION_TIME } else { DECISION_TIME }),
        decided_at: None,
        decided_by: None,
        decided_by_name: String::new(),
        reason: String::new(),
        ended_at: None,
        result: String::new(),
    };
    request.hash = request.computed_hash();
    store::insert(&mut write, &request, once.as_deref()).await?;
    let event = Event::new("approval.requested").on("approval", request.id, &request.title);
    audit::record(app, &mut write, &actor.by, event.detail("kind", new.kind)).await?;
    if is_of_agent {
        // The agent passes the link on to the person it works for.
        write.commit().await?;
        return Ok(request.id);
    }
    let mut recipients = managers(&mut write, actor.org.org).await?;
    recipients.retain(|person| {
        person.role >= request.least_role
            && person.user != request.requester
            && Some(person.user) != request.key_creator
            && Some(person.user) != request.key_receiver
    });
    write.commit().await?;
    for person in recipients {
        letters::filed(app, &person.email, &actor.org.org_name, &request);
    }
    Ok(request.id)
}

/// Writes characters that are invisible, or change the direction of text, as their numbers: the approver must see what the
/// request says.
fn visible(text: &str) -> String {
    let mut visible = String::with_capacity(text.len());
    for c in text.chars() {
        if is_invisible(c) { visible.extend(c.escape_unicode()) } else { visible.push(c) }
    }
    visible
}

/// The request that this person filed before with the same idempotency key or form.
pub async fn find_duplicate(app: &App, actor: &Actor, once: &Secret) -> Result<Option<ApprovalId>, Error> {
    Ok(store::find_by_idempotency_hash(app.db.pool(), actor.org.org, actor.user, &once.fingerprint()).await?)
}
