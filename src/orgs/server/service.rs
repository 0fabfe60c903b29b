//! What can be done with organizations.

use super::store;
pub use super::store::Membership;
use crate::accounts::server::{NewPerson, Person, insert_person, spend_setup_link};
use crate::audit::{self, Event};
use crate::platform::http::Visit;
use crate::platform::{App, Error, Secret};
use crate::shared::{OrgId, Role};

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
    let now = app.clock.now();
    let mut write = app.db.write().await?;
    if !spend_setup_link(app, &mut write, link).await? {
        return Ok(None);
    }
    let Some(person) = insert_person(app, &mut write, new).await? else { return Ok(None) };
    let org = OrgId::new(now, app.chance_for_id());
    store::insert(&mut write, &org, org_name, PLAN, now).await?;
    store::insert_membership(&mut write, &org, &person.id, Role::Owner, now).await?;
    let event = Event::new("organization.created").on("organization", &org, org_name).detail("first", true);
    audit::record(app, &mut write, &person.by(visit).in_org(&org), event).await?;
    write.commit().await?;
    Ok(Some(person))
}
