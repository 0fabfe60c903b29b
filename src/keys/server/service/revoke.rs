//! Immediate and permanent.

use super::{Gives, Refusal, conclude, held, store};
use crate::audit::Event;
use crate::keys::server::Key;
use crate::orgs::server::Actor;
use crate::platform::App;
use crate::shared::KeyId;

/// The hashes go in the same transaction; the key, its secrets' public ids and its history stay.
pub async fn revoke(app: &App, actor: &Actor, id: &KeyId) -> Result<Key, Refusal> {
    let (mut write, mut key) = held(app, actor, id, "revoke", Gives::Nothing).await?;
    if key.revoked_at.is_some() {
        return Err(Refusal::State("This key is revoked already."));
    }
    let now = app.clock.now();
    store::revoke(&mut write, id, now).await?;
    key.revoked_at = Some(now);
    key.previous = None;
    conclude(app, actor, write, &key, Event::new("key.revoked")).await?;
    Ok(key)
}
