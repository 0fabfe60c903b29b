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
    conclude(app, write, org.org).await
}

pub async fn set_plan(app: &App, actor: &Actor, plan: Plan) -> Result<(), Error> {
    actor.require(Permission::ManageOrganization)?;
    let org = &actor.org;
    let mut write = app.db.write().await?;
    let (_, from) = store::find(&mut *write, org.org).await?.ok_or(Error::NotFound)?;
    if from == plan {
        return Ok(());
    }
    store::set_plan(&mut write, org.org, plan).await?;
    let event = Event::new("organization.plan_changed").on("organization", org.org, &org.org_name);
    let event = event.detail("from", from.as_str()).detail("to", plan.as_str());
    audit::record(app, &mut write, &actor.by, event).await?;
    conclude(app, write, org.org).await
}

/// The number of keys that would be revoked with the organization.
pub async fn living_keys(app: &App, actor: &Actor) -> Result<i64, Error> {
    app.slice::<Offboarding>().0.living(app, actor.org.org).await
}

#[derive(Debug, PartialEq, Eq)]
pub enum Deleted {
    Done,
    /// The organization has active keys, and revoking them was not confirmed.
    KeysLive(i64),
    /// The person would have no organization and could not create one.
    OnlyOne,
}

/// Deletes the organization, its memberships and its keys. Its audit events stay.
pub async fn delete(app: &App, member: &Member, keys_may_end: bool) -> Result<Deleted, Error> {
    member.require(Permission::ManageOrganization)?;
    if member.visitor.memberships.len() < 2 {
        return Ok(Deleted::OnlyOne);
    }
    let living = living_keys(app, member).await?;
    if living > 0 && !keys_may_end {
        return Ok(Deleted::KeysLive(living));
    }
    let org = &member.org;
    let mut write = app.db.write().await?;
    let own = super::members::present_role(&mut write, member).await?;
    if !Permission::ManageOrganization.is_granted(own, member.door) {
        return Err(Error::OutOfStep);
    }
    app.slice::<Offboarding>().0.organization_ends(app, &mut write, org.org).await?;
    members::delete_organization(&mut write, org.org, app.clock.now()).await?;
    let event = Event::new("organization.deleted").on("organization", org.org, &org.org_name);
    audit::record(app, &mut write, &member.by, event.detail("keys_revoked", living)).await?;
    conclude(app, write, org.org).await?;
    app.live.recheck_all();
    Ok(Deleted::Done)
}

/// Invalidates the cached plan and name of the organization's keys.
async fn conclude(app: &App, mut write: Write, org: OrgId) -> Result<(), Error> {
    changes::record(&mut write, app.clock.now(), ChangeKind::Organization, org).await?;
    write.commit().await?;
    Ok(())
}
