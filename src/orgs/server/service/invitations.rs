//! Creates, resends, withdraws and accepts invitations. A link works once, for a week, for one address, and only as long
//! as the inviter may assign the role.

use super::members::lock_and_read_role;
use super::refused;
use crate::accounts::email_key;
use crate::accounts::server::{NewPerson, Person, ProviderIdentity, add_identity, insert_person};
use crate::audit::{self, By, Event};
use crate::orgs::server::store::invitations::{self as store, Invitation, NewInvitation};
use crate::orgs::server::store::{insert_membership, members};
use crate::orgs::server::{Actor, letters};
use crate::orgs::{INVITATION_LIFE, read_addresses};
use crate::platform::db::Write;
use crate::platform::http::Visit;
use crate::platform::{App, Error, Posted, Secret};
use crate::shared::{InvitationId, Permission, Role};

/// The longest list of pending invitations.
pub const MAX_LISTED: usize = 100;

/// An invitation with its link. The link exists only here and in the response that shows it.
pub struct Invited {
    pub email: String,
    pub role: Role,
    pub link: Secret,
    /// Whether the email with the link was queued.
    pub posted: Posted,
}

/// Invites the addresses of a form. The inner error is displayed beside the field.
pub async fn invite(
    app: &App,
    actor: &Actor,
    addresses: &str,
    role: Role,
) -> Result<Result<Vec<Invited>, String>, Error> {
    if !actor.may(Permission::ManageMembers) || role > actor.org.role {
        return Err(refused(app, actor, "member.invite", None).await);
    }
    let addresses = match read_addresses(addresses) {
        Ok(addresses) => addresses,
        Err(why) => return Ok(Err(why)),
    };
    let mut write = app.db.write().await?;
    let own = lock_and_read_role(&mut write, actor).await?;
    let mut invited = Vec::new();
    for email in addresses {
        if members::has_email(&mut write, actor.org.org, &email).await? {
            return Ok(Err(format!("{email} is a member already. Change their role in the list below.")));
        }
        let pending = store::find_by_email(&mut write, actor.org.org, &email).await?;
        let is_above_own = pending.as_ref().is_some_and(|pending| pending.role > own);
        if role > own || is_above_own {
            return Ok(Err(format!("{email} is invited with a role above yours.")));
        }
        let id = pending.map(|pending| pending.id);
        invited.push(put(app, &mut write, actor, id, email, role, "member.invited").await?);
    }
    write.commit().await?;
    invited.iter_mut().for_each(|invited| send_email(app, actor, invited));
    Ok(Ok(invited))
}

/// Sends the email. Call it only after the commit.
fn send_email(app: &App, actor: &Actor, invited: &mut Invited) {
    let inviter = match &actor.by.actor {
        audit::EventActor::Person { name, .. } | audit::EventActor::Key { name, .. } => name,
        audit::EventActor::Stranger | audit::EventActor::System | audit::EventActor::Several => "Latchkey",
    };
    invited.posted =
        letters::invitation(app, &invited.email, &actor.org.org_name, inviter, invited.link.expose());
}

/// Creates a new link for an invitation and invalidates the earlier one.
pub async fn resend(app: &App, actor: &Actor, id: InvitationId) -> Result<Invited, Error> {
    let (mut write, pending) = lock_and_read(app, actor, id, "invitation.resend").await?;
    let (email, role) = (pending.email, pending.role);
    let mut invited = put(app, &mut write, actor, Some(pending.id), email, role, "invitation.resent").await?;
    write.commit().await?;
    send_email(app, actor, &mut invited);
    Ok(invited)
}

/// Deletes the invitation and so invalidates its link.
pub async fn withdraw(app: &App, actor: &Actor, id: InvitationId) -> Result<Invitation, Error> {
    let (mut write, pending) = lock_and_read(app, actor, id, "invitation.withdraw").await?;
    store::delete(&mut write, pending.id).await?;
    let event = Event::new("invitation.withdrawn").on("invitation", pending.id, &pending.email);
    audit::record(app, &mut write, &actor.by, event).await?;
    write.commit().await?;
    Ok(pending)
}

/// The invitations that are not accepted yet.
pub async fn pending(app: &App, actor: &Actor) -> Result<Vec<Invitation>, Error> {
    actor.require(Permission::See)?;
    Ok(store::list(app.db.pool(), actor.org.org, MAX_LISTED as i64).await?)
}

/// Finds the invitation of a valid link.
pub async fn by_link(app: &App, token: &Secret) -> Result<Option<Invitation>, Error> {
    let found = store::find_by_token(app.db.pool(), &token.fingerprint(), app.clock.now()).await?;
    Ok(found.filter(inviter_may_assign_role))
}

/// Records that an invalid link was submitted.
pub async fn link_refused(app: &App, visit: &Visit) -> Result<(), Error> {
    audit::record_refusal(app, &By::stranger(visit), Event::new("invitation.refused")).await
}

/// Adds a person with an account. None when the link has expired or is for another address.
pub async fn accept(
    app: &App,
    visit: &Visit,
    token: &Secret,
    person: &Person,
) -> Result<Option<Invitation>, Error> {
    let mut write = app.db.write().await?;
    let Some(invitation) = spend(app, &mut write, token).await? else { return Ok(None) };
    if email_key(&person.email) != email_key(&invitation.email) {
        return Ok(None);
    }
    join(app, &mut write, visit, person, &invitation).await?;
    write.commit().await?;
    Ok(Some(invitation))
}

/// Creates an account, with a password or an identity, and adds it to the organization. Returns None if the link has
/// expired, or if the address or the identity has an account already.
pub async fn accept_with_new_account(
    app: &App,
    visit: &Visit,
    token: &Secret,
    name: String,
    password_hash: Option<String>,
    identity: Option<&ProviderIdentity>,
) -> Result<Option<(Person, Invitation)>, Error> {
    let mut write = app.db.write().await?;
    let Some(invitation) = spend(app, &mut write, token).await? else { return Ok(None) };
    let new = NewPerson { email: invitation.email.clone(), name, password_hash };
    let Some(person) = insert_person(app, &mut write, &new).await? else { return Ok(None) };
    if let Some(identity) = identity
        && !add_identity(app, &mut write, &person, identity).await?
    {
        return Ok(None);
    }
    join(app, &mut write, visit, &person, &invitation).await?;
    write.commit().await?;
    Ok(Some((person, invitation)))
}

/// Stores an invitation with a new link. Every invitation link is created here.
async fn put(
    app: &App,
    write: &mut Write,
    actor: &Actor,
    id: Option<InvitationId>,
    email: String,
    role: Role,
    action: &'static str,
) -> Result<Invited, Error> {
    let now = app.clock.now();
    let id = id.unwrap_or_else(|| InvitationId::new(now, app.random_for_id()));
    let token = Secret::new(app.random.base62(43));
    let new = NewInvitation {
        id,
        org: actor.org.org,
        email: &email,
        role,
        token_hash: &token.fingerprint(),
        by: actor.user,
        now,
        expires_at: now.plus(INVITATION_LIFE),
    };
    store::put(write, &new).await?;
    let event = Event::new(action).on("invitation", id, &email).detail("role", role.as_str());
    audit::record(app, write, &actor.by, event).await?;
    let link = Secret::new(format!("{}/invite/{}", app.public_url.origin(), token.expose()));
    Ok(Invited { email, role, link, posted: Posted::NoMail })
}

/// Locks the organization and reads a pending invitation that the actor may change.
async fn lock_and_read(
    app: &App,
    actor: &Actor,
    id: InvitationId,
    verb: &'static str,
) -> Result<(Write, Invitation), Error> {
    if !actor.may(Permission::ManageMembers) {
        return Err(refused(app, actor, verb, None).await);
    }
    let mut write = app.db.write().await?;
    let own = lock_and_read_role(&mut write, actor).await?;
    let pending = store::find(&mut write, actor.org.org, id).await?.ok_or(Error::NotFound)?;
    if pending.role > own || !Permission::ManageMembers.is_granted(own, actor.principal) {
        drop(write);
        return Err(refused(app, actor, verb, None).await);
    }
    Ok((write, pending))
}

/// Consumes the link under the organization's lock, so only one of two concurrent requests succeeds.
async fn spend(app: &App, write: &mut Write, token: &Secret) -> Result<Option<Invitation>, Error> {
    let (now, fingerprint) = (app.clock.now(), token.fingerprint());
    let Some(found) = store::find_by_token(&mut **write, &fingerprint, now).await? else { return Ok(None) };
    if !members::lock(write, found.org).await? {
        return Ok(None);
    }
    // Read again: another transaction may have changed the invitation before the lock was taken.
    let found = store::find_by_token(&mut **write, &fingerprint, now).await?.filter(inviter_may_assign_role);
    match found {
        Some(found) if store::delete(write, found.id).await? => Ok(Some(found)),
        _ => Ok(None),
    }
}

async fn join(
    app: &App,
    write: &mut Write,
    visit: &Visit,
    person: &Person,
    invitation: &Invitation,
) -> Result<(), Error> {
    insert_membership(write, invitation.org, person.id, invitation.role, app.clock.now()).await?;
    let event = Event::new("member.joined")
        .on("person", person.id, &person.email)
        .detail("role", invitation.role.as_str())
        .detail("invited_by", invitation.inviter.clone());
    audit::record(app, write, &person.by(visit).in_org(invitation.org), event).await
}

/// Returns true if the inviter may still assign the role.
fn inviter_may_assign_role(invitation: &Invitation) -> bool {
    invitation.inviter_role.is_some_and(|role| role >= Role::Admin && role >= invitation.role)
}
