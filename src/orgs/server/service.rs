//! What can be done with organizations.

pub use super::store::Membership;
use super::{Actor, Visitor, store};
use crate::accounts::server::{NewPerson, Person, insert_person, spend_setup_link};
use crate::audit::{self, By, Event};
use crate::platform::db::Write;
use crate::platform::http::Visit;
use crate::platform::{App, Error, Secret};
use crate::shared::{OrgId, Role, UserId};

/// Nobody who hosts it is stopped by a plan.
const PLAN: &str = "enterprise";

/// The first account and its organization, in one transaction with the link's use. None when the link is dead or
/// somebody was quicker.
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
    found(app, &mut write, &person.by(visit), &person.id, org_name).await?;
    write.commit().await?;
    Ok(Some(person))
}

/// Another organization, owned by who makes it.
pub async fn create(app: &App, maker: &Visitor, name: &str) -> Result<OrgId, Error> {
    let mut write = app.db.write().await?;
    let org = found(app, &mut write, &maker.by(), &maker.person.id, name).await?;
    write.commit().await?;
    Ok(org)
}

/// The caller has checked the permission and the name.
pub async fn rename(app: &App, actor: &Actor, name: &str) -> Result<(), Error> {
    let org = &actor.org;
    if name == org.org_name {
        return Ok(());
    }
    let mut write = app.db.write().await?;
    store::set_name(&mut write, &org.org, name).await?;
    let event = Event::new("organization.renamed").on("organization", &org.org, name);
    audit::record(app, &mut write, &actor.visitor.by(), event.detail("from", org.org_name.clone())).await?;
    write.commit().await?;
    Ok(())
}

async fn found(app: &App, write: &mut Write, by: &By, owner: &UserId, name: &str) -> Result<OrgId, Error> {
    let now = app.clock.now();
    let org = OrgId::new(now, app.chance_for_id());
    store::insert(write, &org, name, PLAN, now).await?;
    store::insert_membership(write, &org, owner, Role::Owner, now).await?;
    let event = Event::new("organization.created").on("organization", &org, name);
    audit::record(app, write, &by.clone().in_org(&org), event).await?;
    Ok(org)
}
