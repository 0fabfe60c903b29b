//! Lists members, changes their roles and removes them. Nobody grants or removes a role above their own, and one owner
//! always remains. Each change locks the organization's row before it reads, so that two owners who remove each other at
//! the same time cannot both succeed.

use super::refused;
use crate::accounts::server as accounts;
use crate::audit::{self, Event};
use crate::orgs::server::Actor;
use crate::orgs::server::offboarding::{CreatedKey, Offboarding};
use crate::orgs::server::store::find as organization;
use crate::orgs::server::store::members::{self as store, MemberCursor, MemberSummary};
use crate::platform::db::Write;
use crate::platform::{App, Error};
use crate::shared::{KeyId, OrgId, Permission, PrincipalKind, Role, UserId};

/// Rows of a page.
pub const PAGE: usize = 50;
/// Counts above this number are not exact.
pub const MAX_COUNTED: i64 = 1_000;

pub struct MemberPage {
    pub members: Vec<MemberEntry>,
    pub next: Option<MemberCursor>,
}

pub struct MemberEntry {
    pub listed: MemberSummary,
    /// The number of keys that the member created and that are not revoked. Counting stops above `MAX_COUNTED`.
    pub keys: i64,
    /// The identity providers linked to the member's account.
    pub providers: Vec<String>,
}

pub async fn list(
    app: &App,
    actor: &Actor,
    search: &str,
    after: Option<&MemberCursor>,
) -> Result<MemberPage, Error> {
    actor.require(Permission::See)?;
    let org = &actor.org.org;
    let mut members = store::list(app.db.pool(), *org, search, after, PAGE as i64 + 1).await?;
    let has_more = members.len() > PAGE;
    members.truncate(PAGE);
    let next = members.last().filter(|_| has_more).map(MemberCursor::of);
    let people: Vec<UserId> = members.iter().map(|member| member.user).collect();
    let keys = app.slice::<Offboarding>().0.count_by_creator(app, *org, &people, MAX_COUNTED + 1).await?;
    let mut providers = accounts::providers_of(app, &people).await?;
    let entry = |listed: MemberSummary| MemberEntry {
        keys: keys.get(&listed.user).copied().unwrap_or(0),
        providers: providers.remove(&listed.user).unwrap_or_default(),
        listed,
    };
    Ok(MemberPage { members: members.into_iter().map(entry).collect(), next })
}

/// At most `limit` members whose name or address contains a text.
pub async fn search_members(
    app: &App,
    actor: &Actor,
    text: &str,
    limit: usize,
) -> Result<Vec<MemberSummary>, Error> {
    actor.require(Permission::See)?;
    Ok(store::containing(app.db.pool(), actor.org.org, text, limit as i64).await?)
}

pub async fn count(app: &App, actor: &Actor) -> Result<i64, Error> {
    Ok(store::count(app.db.pool(), actor.org.org, MAX_COUNTED + 1).await?)
}

pub async fn find(app: &App, actor: &Actor, user: UserId) -> Result<MemberSummary, Error> {
    actor.require(Permission::See)?;
    store::find(app.db.pool(), actor.org.org, user).await?.ok_or(Error::NotFound)
}

/// The keys that the member created and that are not revoked, for the preview of the removal.
pub async fn keys_of(app: &App, actor: &Actor, user: UserId) -> Result<Vec<CreatedKey>, Error> {
    app.slice::<Offboarding>().0.unrevoked_keys_of(app, actor.org.org, user).await
}

/// Returns true if a member with the role `own` may change or remove one with the role `theirs`. Everybody may leave or
/// lower their own role.
pub fn may_change(own: Role, theirs: Role, is_self: bool) -> bool {
    is_self || Permission::ManageMembers.is_granted(own, PrincipalKind::Person) && theirs <= own
}

#[derive(Debug, PartialEq, Eq)]
pub enum MemberChange {
    Done,
    /// The change would leave the organization without an owner.
    LastOwner,
}

pub async fn set_role(app: &App, actor: &Actor, user: UserId, role: Role) -> Result<MemberChange, Error> {
    let (mut write, own, member) = lock_and_read(app, actor, user).await?;
    let is_self = user == actor.user;
    if role > own || !may_change(own, member.role, is_self) {
        drop(write);
        return Err(refused(app, actor, "member.role", Some(&member)).await);
    }
    if role == member.role {
        return Ok(MemberChange::Done);
    }
    if is_last_owner(&mut write, actor, &member).await? {
        return Ok(MemberChange::LastOwner);
    }
    store::set_role(&mut write, actor.org.org, user, role).await?;
    let event = Event::new("member.role_changed")
        .on("person", user, &member.email)
        .detail("from", member.role.as_str())
        .detail("to", role.as_str());
    audit::record(app, &mut write, &actor.by, event).await?;
    write.commit().await?;
    Ok(MemberChange::Done)
}

/// Removes a member, or lets the actor leave. Revokes the member's `ticked` keys and those of command-line logins.
pub async fn remove(app: &App, actor: &Actor, user: UserId, ticked: &[KeyId]) -> Result<MemberChange, Error> {
    let (mut write, own, member) = lock_and_read(app, actor, user).await?;
    let is_self = user == actor.user;
    if !may_change(own, member.role, is_self) {
        drop(write);
        return Err(refused(app, actor, "member.remove", Some(&member)).await);
    }
    if is_last_owner(&mut write, actor, &member).await? {
        return Ok(MemberChange::LastOwner);
    }
    let keys = app.slice::<Offboarding>().0.revoke_for_member(app, &mut write, actor, user, ticked).await?;
    store::delete(&mut write, actor.org.org, user).await?;
    let event = Event::new(if is_self { "member.left" } else { "member.removed" })
        .on("person", user, &member.email)
        .detail("role", member.role.as_str())
        .detail("keys_revoked", keys);
    audit::record(app, &mut write, &actor.by, event).await?;
    write.commit().await?;
    app.live.recheck(user);
    Ok(MemberChange::Done)
}

/// Locks the organization, then reads the actor's current role and the member.
async fn lock_and_read(
    app: &App,
    actor: &Actor,
    user: UserId,
) -> Result<(Write, Role, MemberSummary), Error> {
    let mut write = app.db.write().await?;
    let own = lock_and_read_role(&mut write, actor).await?;
    let member = store::find(&mut *write, actor.org.org, user).await?.ok_or(Error::NotFound)?;
    Ok((write, own, member))
}

/// The error when a key tries to change something. Reads and verification still work.
pub const CREATOR_GONE: &str = "The person who created this key is disabled or no longer a member of the organization, so it \
                                cannot change keys, members or agents.";

/// Locks the organization until the end of the transaction and reads the actor's current role, which may have changed since
/// the request began. A key keeps its own role as long as its creator is a member and not disabled.
pub async fn lock_and_read_role(write: &mut Write, actor: &Actor) -> Result<Role, Error> {
    if !store::lock(write, actor.org.org).await? {
        return Err(Error::NotFound);
    }
    let own = store::find(&mut **write, actor.org.org, actor.user).await?;
    let own = own.filter(|member| !member.is_disabled);
    match (actor.principal, own) {
        (PrincipalKind::Person, Some(member)) => Ok(member.role),
        (PrincipalKind::Person, None) => Err(Error::OutOfStep),
        (PrincipalKind::Key, Some(_)) => Ok(actor.org.role),
        (PrincipalKind::Key, None) => Err(Error::Forbidden(CREATOR_GONE.to_owned())),
    }
}

/// A member's current data.
#[derive(Clone, Debug)]
pub struct CurrentMember {
    pub name: String,
    pub email: String,
    pub role: Role,
    pub org_name: String,
}

/// Locks the organization until the end of the transaction and reads one member. None for a non-member or a disabled
/// one.
pub async fn lock_and_read_member(
    write: &mut Write,
    org: OrgId,
    user: UserId,
) -> Result<Option<CurrentMember>, Error> {
    if !store::lock(write, org).await? {
        return Ok(None);
    }
    let Some((org_name, _)) = organization(&mut **write, org).await? else { return Ok(None) };
    let member = store::find(&mut **write, org, user).await?.filter(|member| !member.is_disabled);
    Ok(member.map(|MemberSummary { name, email, role, .. }| CurrentMember { name, email, role, org_name }))
}

/// Reads one member without a lock, so the data may be stale when it is used.
pub async fn find_current_member(
    app: &App,
    org: OrgId,
    user: UserId,
) -> Result<Option<CurrentMember>, Error> {
    let Some((org_name, _)) = organization(app.db.pool(), org).await? else { return Ok(None) };
    let member = store::find(app.db.pool(), org, user).await?.filter(|member| !member.is_disabled);
    Ok(member.map(|MemberSummary { name, email, role, .. }| CurrentMember { name, email, role, org_name }))
}

async fn is_last_owner(write: &mut Write, actor: &Actor, member: &MemberSummary) -> Result<bool, Error> {
    if member.role != Role::Owner {
        return Ok(false);
    }
    Ok(!store::hold_other_owner(write, actor.org.org, member.user).await?)
}

/// The names of the organizations that this person owns and in which no owner can sign in, for a warning after the operator
/// disabled the person.
pub async fn without_owner(app: &App, email: &str) -> Result<Vec<String>, Error> {
    let Some(user) = accounts::find_id(app, email).await? else { return Ok(Vec::new()) };
    Ok(store::without_owner(app.db.pool(), user).await?)
}
