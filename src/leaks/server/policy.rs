//! The leak policy of an organization: owners can change it, every member can read it.

use std::time::Duration;

use super::store::{self, LeakReport};
use crate::audit::{self, Event};
use crate::leaks::LeakPolicy;
use crate::orgs::server::{Actor, Membership, lock_and_read_role};
use crate::platform::db::Write;
use crate::platform::{App, Error};
use crate::shared::Permission;

pub async fn policy(app: &App, actor: &Actor) -> Result<LeakPolicy, Error> {
    actor.require(Permission::See)?;
    Ok(store::policy(app.db.pool(), actor.org.org).await?.unwrap_or_default())
}

/// A choice that changes nothing writes no audit row.
pub async fn set_policy(app: &App, actor: &Actor, new: LeakPolicy) -> Result<(), Error> {
    let mut write = begin(app, actor).await?;
    let org = &actor.org;
    let old = store::policy(&mut *write, org.org).await?.unwrap_or_default();
    if old == new {
        return Ok(());
    }
    store::set_policy(&mut write, org.org, new).await?;
    let event = Event::new("leak_policy.changed")
        .on("organization", org.org, &org.org_name)
        .detail("effect", new.effect.as_str())
        .detail("effect_was", old.effect.as_str())
        .detail("test_effect", new.test_effect.as_str())
        .detail("test_effect_was", old.test_effect.as_str());
    audit::record(app, &mut write, &actor.by, event).await?;
    write.commit().await?;
    Ok(())
}

/// Begins the transaction of a change, and checks the actor's current role in it.
async fn begin(app: &App, actor: &Actor) -> Result<Write, Error> {
    if let Some(why) = why_forbidden(actor) {
        return Err(refused(app, actor, why).await);
    }
    let mut write = app.db.write().await?;
    let why = match lock_and_read_role(&mut write, actor).await {
        Ok(role) => {
            let org = Membership { role, ..actor.org.clone() };
            why_forbidden(&Actor { org, ..actor.clone() })
        }
        Err(Error::Forbidden(why)) => Some(why),
        Err(error) => return Err(error),
    };
    let Some(why) = why else { return Ok(write) };
    drop(write);
    Err(refused(app, actor, why).await)
}

fn why_forbidden(actor: &Actor) -> Option<String> {
    let who = Permission::ManageOrganization.least_role(actor.principal).plural();
    (!actor.may(Permission::ManageOrganization))
        .then(|| format!("Only {who} of {} can choose what happens to leaked keys.", actor.org.org_name))
}

async fn refused(app: &App, actor: &Actor, why: String) -> Error {
    let event = Event::new("leak_policy.refused").on("organization", actor.org.org, &actor.org.org_name);
    audit::forbid(app, &actor.by, event, why).await
}

/// How long the overview lists a report.
const RECENT: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Some keys that were found in public within a week, the latest first.
pub async fn recent(app: &App, actor: &Actor, limit: i64) -> Result<Vec<LeakReport>, Error> {
    actor.require(Permission::See)?;
    let since = app.clock.now().minus(RECENT);
    Ok(store::recent(app.db.pool(), actor.org.org, since, limit).await?)
}
