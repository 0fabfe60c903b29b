//! The use cases of organizations, members and invitations.

mod invitations;
mod members;
mod organization;

use std::time::Duration;

use tower_sessions::Session;

pub use super::store::Membership;
pub use super::store::invitations::Invitation;
pub use super::store::members::{MemberCursor, MemberSummary};
use super::{Actor, Visitor, store};
pub use invitations::{
    Invited, MAX_LISTED, accept, accept_with_new_account, by_link, invite, link_refused, pending, resend,
    withdraw,
};
pub use members::{
    CREATOR_GONE, CurrentMember, MAX_COUNTED, MemberChange, MemberEntry, count, find as find_member,
    find_current_member, keys_of, list, lock_and_read_member, lock_and_read_role, may_change, remove,
    search_members, set_role, without_owner,
};
pub use organization::{DeleteOutcome, count_unrevoked_keys, delete, rename, set_plan};

use crate::accounts::server::{
    NewPerson, Person, ProviderIdentity, add_identity, choose_org, insert_person, spend_setup_link,
    spend_sign_up_link,
};
use crate::audit::{self, By, Event};
use crate::platform::db::Write;
use crate::platform::http::Visit;
use crate::platform::{App, Error, Secret};
use crate::shared::{OrgId, Plan, Role, UserId};

/// How long an expired invitation stays listed, so that it can be sent again.
const EXPIRED_INVITATION_LIFE: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Creates the first account and its organization, and consumes the setup link, in one transaction. Returns None if the
/// link is invalid or another request used it first.
pub async fn set_up(
    app: &App,
    visit: &Visit,
    link: &Secret,
    new: &NewPerson,
    org_name: &str,
) -> Result<Option<Person>, Error> {
    let mut write = app.db.write().await?;
    if !spend_setup_link(app, &mut write, link).await? {
        return Ok(None);
    }
    let Some(person) = insert_person(app, &mut write, new).await? else { return Ok(None) };
    insert_organization(app, &mut write, &person.by(visit), person.id, org_name).await?;
    write.commit().await?;
    Ok(Some(person))
}

/// Creates an account with a confirmed address and its organization, and consumes the sign-up link, in one transaction.
/// Returns None if the link is invalid, another request used it first, or the identity is linked to an account.
pub async fn sign_up(
    app: &App,
    visit: &Visit,
    link: &Secret,
    new: &NewPerson,
    identity: Option<&ProviderIdentity>,
    org_name: &str,
) -> Result<Option<Person>, Error> {
    let mut write = app.db.write().await?;
    if !spend_sign_up_link(app, &mut write, link).await? {
        return Ok(None);
    }
    let Some(person) = insert_person(app, &mut write, new).await? else { return Ok(None) };
    if let Some(identity) = identity
        && !add_identity(app, &mut write, &person, identity).await?
    {
        return Ok(None);
    }
    insert_organization(app, &mut write, &person.by(visit), person.id, org_name).await?;
    write.commit().await?;
    Ok(Some(person))
}

/// Creates an organization owned by its creator.
pub async fn create(app: &App, creator: &Visitor, name: &str) -> Result<OrgId, Error> {
    let mut write = app.db.write().await?;
    let org = insert_organization(app, &mut write, &creator.by(), creator.person.id, name).await?;
    write.commit().await?;
    Ok(org)
}

/// Switches the session to another of the person's organizations.
pub async fn switch_org(
    app: &App,
    visitor: &Visitor,
    session: &Session,
    target: &Membership,
) -> Result<(), Error> {
    let previous = visitor.current.as_ref().filter(|current| current.org != target.org);
    let Some(previous) = previous else { return Ok(()) };
    let mut write = app.db.write().await?;
    let event = Event::new("organization.switched").on("organization", target.org, target.org_name.clone());
    let by = visitor.by().in_org(target.org);
    audit::record(app, &mut write, &by, event.detail("from", previous.org_name.clone())).await?;
    write.commit().await?;
    choose_org(session, target.org).await
}

/// Inserts an organization and its owner's membership, and audits it.
async fn insert_organization(
    app: &App,
    write: &mut Write,
    by: &By,
    owner: UserId,
    name: &str,
) -> Result<OrgId, Error> {
    let now = app.clock.now();
    let org = OrgId::new(now, app.random_for_id());
    store::insert(write, org, name, app.config.keys.default_plan, now).await?;
    store::insert_membership(write, org, owner, Role::Owner, now).await?;
    let event = Event::new("organization.created").on("organization", org, name);
    audit::record(app, write, &by.clone().in_org(org), event).await?;
    Ok(org)
}

/// Records a refusal in the audit log, after the transaction was rolled back, and returns the error to respond with.
async fn refused(app: &App, actor: &Actor, verb: &'static str, member: Option<&MemberSummary>) -> Error {
    let why = match member {
        Some(member) => format!(
            "{} is {}; this requires the same role or a higher one.",
            member.name,
            member.role.with_article()
        ),
        None => format!(
            "You are {} of {}. Only admins and owners may do this, and nobody can give a role above their own.",
            actor.org.role.with_article(),
            actor.org.org_name
        ),
    };
    let event = Event::new("member.refused").detail("verb", verb);
    let event = match member {
        Some(member) => event.on("person", member.user, &member.email),
        None => event.on("organization", actor.org.org, &actor.org.org_name),
    };
    audit::forbid(app, &actor.by, event, why).await
}

/// Deletes invitations that expired long ago.
pub async fn sweep(app: &App) -> Result<(), Error> {
    let mut write = app.db.write().await?;
    let before = app.clock.now().minus(EXPIRED_INVITATION_LIFE);
    store::invitations::sweep(&mut write, before).await?;
    write.commit().await?;
    Ok(())
}

/// The person's organizations with their member counts, oldest first.
pub async fn memberships_with_counts(app: &App, user: UserId) -> Result<Vec<(Membership, i64)>, Error> {
    Ok(store::memberships_with_counts(app.db.pool(), user).await?)
}

/// The organization's name and plan.
pub async fn find(app: &App, org: OrgId) -> Result<Option<(String, Plan)>, Error> {
    Ok(store::find(app.db.pool(), org).await?)
}
