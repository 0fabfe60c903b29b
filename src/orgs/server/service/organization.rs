//! Renames an organization, changes its plan and deletes it. For owners only; the pages show the consequences first.

use crate::audit::{self, Event};
use crate::orgs::server::offboarding::Offboarding;
use crate::orgs::server::store::{self, members};
use crate::orgs::server::{Actor, Member};
use crate::platform::changes::{self, ChangeKind};
use crate::platform::db::Write;
use crate::platform::{App, Error};
use crate::shared::{OrgId, Permission, Plan};

/// Renames the organization. The caller has validated the name.
pub async fn rename(app: &App, actor: &Actor, name: &str) -> Result<(), Error> {
    actor.require(Permission::ManageOrganization)?;
    let org = &actor.org;
    if name == org.org_name {
        return Ok(());
    }
    let mut write = app.db.write().await?;
    store::set_name(&mut write, org.org, name).await?;
    let event = Event::new("organization.renamed").on("organization", org.org, name);
    audit::record(app, &mut write, &actor.by, event.detail("from", org.org_name.clone())).await?;
    commit_change(app, write, org.org).await
}

/// Changes the plan from `old` to `new`. Returns false, and changes nothing, if the organization has another plan than `old`: what
/// the actor has confirmed is the change between these two.
pub async fn set_plan(app: &App, actor: &Actor, old: Plan, new: Plan) -> Result<bool, Error> {
    actor.require(Permission::ManageOrganization)?;
    let org = &actor.org;
    let mut write = app.db.write().await?;
    if !store::set_plan(&mut write, org.org, old, new).await? {
        return Ok(false);
    }
    let event = Event::new("organization.plan_changed").on("organization", org.org, &org.org_name);
    let event = event.detail("from", old.as_str()).detail("to", new.as_str());
    audit::record(app, &mut write, &actor.by, event).await?;
    commit_change(app, write, org.org).await?;
    Ok(true)
}

/// The number of keys that would be revoked with the organization.
pub async fn count_unrevoked_keys(app: &App, actor: &Actor) -> Result<i64, Error> {
    app.slice::<Offboarding>().0.count_unrevoked(app, actor.org.org).await
}

#[derive(Debug, PartialEq, Eq)]
pub enum DeleteOutcome {
    Done,
    /// The organization has keys that are not revoked, and revoking them was not confirmed.
    HasKeys(i64),
    /// The person would have no organization and could not create one.
    OnlyOrganization,
}

/// Deletes the organization, its memberships and its keys. Its audit events stay.
pub async fn delete(app: &App, member: &Member, may_revoke_keys: bool) -> Result<DeleteOutcome, Error> {
    member.require(Permission::ManageOrganization)?;
    if member.visitor.memberships.len() < 2 {
        return Ok(DeleteOutcome::OnlyOrganization);
    }
    let key_count = count_unrevoked_keys(app, member).await?;
    if key_count > 0 && !may_revoke_keys {
        return Ok(DeleteOutcome::HasKeys(key_count));
    }
    let org = &member.org;
    let mut write = app.db.write().await?;
    let own = super::members::lock_and_read_role(&mut write, member).await?;
    if !Permission::ManageOrganization.is_granted(own, member.principal) {
        return Err(Error::OutOfStep);
    }
    app.slice::<Offboarding>().0.revoke_all(app, &mut write, org.org).await?;
    members::delete_organization(&mut write, org.org, app.clock.now()).await?;
    let event = Event::new("organization.deleted").on("organization", org.org, &org.org_name);
    audit::record(app, &mut write, &member.by, event.detail("keys_revoked", key_count)).await?;
    commit_change(app, write, org.org).await?;
    app.live.recheck_all();
    Ok(DeleteOutcome::Done)
}

/// Commits the change and invalidates the cached plan and name of the organization's keys.
async fn commit_change(app: &App, mut write: Write, org: OrgId) -> Result<(), Error> {
    changes::record(&mut write, app.clock.now(), ChangeKind::Organization, org).await?;
    write.commit().await?;
    Ok(())
}
