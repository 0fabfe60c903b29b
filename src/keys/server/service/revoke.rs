//! Revoking a key, immediately and permanently.

use super::{Grants, Refusal, conclude, lock_key, store};
use crate::audit::Event;
use crate::keys::server::Key;
use crate::orgs::server::Actor;
use crate::platform::App;
use crate::shared::KeyId;

/// Deletes the hashes of all secrets in the same transaction. The key, the public ids of its secrets and its history stay.
pub async fn revoke(app: &App, actor: &Actor, id: KeyId) -> Result<Key, Refusal> {
    let (mut write, mut key) = lock_key(app, actor, id, "revoke", Grants::Nothing).await?;
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
