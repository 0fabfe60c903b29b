//! Handles a form that was sent twice. The first response, the only place with the plaintext, may not have reached the user.

use std::time::Duration;

use super::strong_keys::require_creator;
use super::{Grants, Refusal, Revealed, conclude, generate, lock_key, require, store};
use crate::audit::Event;
use crate::keys::Status;
use crate::keys::server::Key;
use crate::orgs::server::Actor;
use crate::platform::{App, Error};
use crate::shared::KeyId;
use crate::usage::server as usage;

/// How long after its creation an unused secret may be replaced.
const WINDOW: Duration = Duration::from_secs(10);

/// Replaces a secret that was created moments ago and has not been used. Returns None, and changes nothing, when it is too
/// late.
pub async fn replace(app: &App, actor: &Actor, id: KeyId) -> Result<Option<Revealed>, Refusal> {
    require(app, actor, "replace").await?;
    let found = store::find_by_id(app.db.pool(), id).await?;
    let found = found.filter(|key| key.org == actor.org.org).ok_or(Error::NotFound)?;
    let (fresh, stored) = generate(app, found.kind).await?;
    let (write, key) = lock_key(app, actor, id, "replace", Grants::Secret).await?;
    let mut write = require_creator(app, actor, write, &key, "replace").await?;
    let now = app.clock.now();
    let old = key.secret;
    // Counts move from memory to the tables, so reading in the same order cannot miss one.
    let is_used = usage::has_pending_calls(app, &mut write, id, old).await?;
    let created_at = store::created_at_if_unused(&mut write, old).await?;
    let is_fresh = !is_used && created_at.is_some_and(|at| now.since(at) <= WINDOW);
    if !is_fresh || !matches!(key.status(now), Status::Active | Status::Rotating) {
        return Ok(None);
    }
    store::end_secret(&mut write, old, now).await?;
    let key = Key { secret: fresh.id(), ..key };
    store::insert_secret(&mut write, key.secret, id, &stored, now).await?;
    store::set_secrets(&mut write, id, key.secret, key.previous).await?;
    store::set_rotated_by(&mut write, id, actor.principal, actor.user).await?;
    let event = Event::new("key.secret_replaced").detail("replaces", old.to_string());
    conclude(app, actor, write, &key, event).await?;
    Ok(Some(Revealed { key, plaintext: fresh.into_secret() }))
}
