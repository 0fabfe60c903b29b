//! The same form sent twice: the first answer may never have reached the screen, and what it showed exists nowhere else.

use std::time::Duration;

use super::{Gives, Refusal, Revealed, conclude, forge, held, require, store};
use crate::audit::Event;
use crate::keys::Status;
use crate::keys::server::Key;
use crate::orgs::server::Actor;
use crate::platform::{App, Error};
use crate::shared::KeyId;
use crate::usage::server::Usage;

/// For how long after it was made a secret that nobody has used may be replaced.
const WINDOW: Duration = Duration::from_secs(10);

/// Puts a new secret in the place of one that was made moments ago and that nobody has used. None when it is too late for
/// that; nothing has changed then.
pub async fn replace(app: &App, actor: &Actor, id: &KeyId) -> Result<Option<Revealed>, Refusal> {
    require(app, actor, "replace").await?;
    let found = store::find(app.db.pool(), &actor.org.org, id).await?.ok_or(Error::NotFound)?;
    let (fresh, stored) = forge(app, found.kind).await?;
    let (mut write, key) = held(app, actor, id, "replace", Gives::Secret).await?;
    let now = app.clock.now();
    let old = key.secret;
    // In the order in which a count goes from memory to the tables.
    let is_used = app.slice::<Usage>().has_counted(app, &mut write, id, old).await?;
    let made = store::made_unused(&mut write, old).await?;
    let is_fresh = !is_used && made.is_some_and(|at| now.since(at) <= WINDOW);
    if !is_fresh || !matches!(key.status(now), Status::Active | Status::Rotating) {
        return Ok(None);
    }
    store::end_secret(&mut write, old, now).await?;
    let key = Key { secret: fresh.id(), ..key };
    store::insert_secret(&mut write, key.secret, id, &stored, now).await?;
    store::set_secrets(&mut write, id, key.secret, key.previous).await?;
    let event = Event::new("key.secret_replaced").detail("replaces", old.to_string());
    conclude(app, actor, write, &key, event).await?;
    Ok(Some(Revealed { key, plaintext: fresh.into_secret() }))
}
