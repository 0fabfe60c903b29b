//! What happens to a key whose secret was found in public. Whoever holds the secret may report it, so no permission is
//! checked here: `prove` has verified the secret.

use super::store;
use crate::audit::{self, By, Event};
use crate::keys::server::{Key, ProvenSecret};
use crate::keys::{LeakEffect, LeakOutcome};
use crate::platform::db::Write;
use crate::platform::live::Topic;
use crate::platform::{App, Error};
use crate::shared::{KeyId, OrgId};

/// The topic on which the page of a key is notified of reports about it.
pub fn leak_topic(org: OrgId, key: KeyId) -> Topic {
    Topic::of_org(&org, &format!("keys/{key}/leaked"))
}

/// Locks the key of a secret that was found. Returns None if the secret ended in the meantime.
pub async fn lock_leaked(app: &App, write: &mut Write, found: ProvenSecret) -> Result<Option<Key>, Error> {
    let Some(key) = store::find_by_id(&mut **write, found.key).await? else { return Ok(None) };
    let key = store::lock(write, key.org, key.id).await?;
    let now = app.clock.now();
    Ok(key.filter(|key| key.revoked_at.is_none() && key.accepts(found.secret, now)))
}

/// Applies an effect to a locked key. A leaked previous secret only finishes the rotation if a person rotated the key: a key
/// that rotated itself may have passed its new secret to whoever found the old one.
pub async fn apply_leak_effect(
    app: &App,
    write: &mut Write,
    by: &By,
    key: &mut Key,
    found: ProvenSecret,
    effect: LeakEffect,
) -> Result<LeakOutcome, Error> {
    let now = app.clock.now();
    let is_previous = key.rotation(now).is_some_and(|(previous, _)| previous == found.secret);
    if effect > LeakEffect::Report && is_previous && store::is_rotated_by_person(write, key.id).await? {
        store::end_secret(write, found.secret, now).await?;
        store::set_secrets(write, key.id, key.secret, None).await?;
        key.previous = None;
        return Ok(LeakOutcome::RotationFinished);
    }
    store::set_leaked(write, key.id, found.secret).await?;
    key.leaked = Some(found.secret);
    let (outcome, action) = match effect {
        LeakEffect::Report => return Ok(LeakOutcome::Reported),
        LeakEffect::Disable if key.disabled_at.is_some() => return Ok(LeakOutcome::Disabled),
        LeakEffect::Disable => {
            store::set_disabled(write, key.id, Some(now)).await?;
            key.disabled_at = Some(now);
            (LeakOutcome::Disabled, "key.disabled")
        }
        LeakEffect::Revoke => {
            store::revoke(write, key.id, now).await?;
            key.revoked_at = Some(now);
            key.previous = None;
            (LeakOutcome::Revoked, "key.revoked")
        }
    };
    // Webhook receivers that only track the state of keys get the usual event besides `key.leaked`.
    let event = super::about(key, Event::new(action)).detail("because", "found in public");
    audit::announce(app, write, by, &event).await?;
    Ok(outcome)
}

/// The names of keys that a key created and that are not revoked.
pub async fn created_by(app: &App, key: KeyId) -> Result<Vec<String>, Error> {
    let children = store::children(app.db.pool(), key).await?;
    Ok(children.into_iter().map(|child| child.name).collect())
}
