//! Rotating a key: it gets a new secret, and the old one stays valid for an overlap, so that callers can switch one by one.

use std::time::Duration;

use super::policy::require_compliance;
use super::strong_keys::{acting_person, require_creator};
use super::{
    Grants, Refusal, Revealed, conclude, generate, lock_key, lock_key_with_bounds, require,
    require_to_rotate, sender, store,
};
use crate::approvals::ApprovalRequest;
use crate::approvals::server as approvals;
use crate::audit::Event;
use crate::keys::Status;
use crate::keys::server::Key;
use crate::orgs::server::Actor;
use crate::platform::{App, Error, Secret};
use crate::shared::{KeyId, SecretId, Timestamp};
use crate::usage::server as usage;

pub const MAX_OVERLAP: Duration = Duration::from_secs(90 * 24 * 60 * 60);

pub(super) const ENDED: &str = "Only a key that has neither expired nor been revoked can be rotated.";
const STILL_ROTATING: &str =
    "This key is being rotated and its new secret is in use. Finish that rotation first.";
const NOT_ROTATING: &str = "This key is not being rotated.";
const ANOTHER_ROTATION: &str = "This key was rotated again since then. The rotation was not finished.";

/// Rotates a key. Without an overlap the old secret ends at once. While a rotation is in progress, a new secret that has not been
/// used is replaced, and the cut-off of the old one stays the same.
pub async fn rotate(
    app: &App,
    actor: &Actor,
    id: KeyId,
    overlap: Duration,
    repeat: Option<&Secret>,
) -> Result<Revealed, Refusal> {
    rotate_with(app, actor, id, overlap, repeat, None).await
}

/// Rotates the key for which an agent asks, as the person who confirms the request, in the same transaction.
pub(super) async fn rotate_confirmed(
    app: &App,
    actor: &Actor,
    id: KeyId,
    overlap: Duration,
    request: &ApprovalRequest,
) -> Result<Revealed, Refusal> {
    rotate_with(app, actor, id, overlap, None, Some(request)).await
}

async fn rotate_with(
    app: &App,
    actor: &Actor,
    id: KeyId,
    overlap: Duration,
    repeat: Option<&Secret>,
    confirmed: Option<&ApprovalRequest>,
) -> Result<Revealed, Refusal> {
    require(app, actor, "rotate").await?;
    let repeat = repeat.map(Secret::fingerprint);
    if let Some(hash) = &repeat
        && let Some(key) = store::repeated(app.db.pool(), actor.org.org, &sender(actor), hash).await?
    {
        return Err(Refusal::Repeated(key));
    }
    // A repeated request may present the secret that the first one replaced, so repeats are recognized before that check.
    let found = store::find_by_id(app.db.pool(), id).await?;
    let found = found.filter(|key| key.org == actor.org.org).ok_or(Error::NotFound)?;
    require_to_rotate(app, actor, &found).await?;
    check_overlap(overlap)?;
    let (fresh, stored) = generate(app, found.kind).await?;

    let (write, mut key, bounds) = lock_key_with_bounds(app, actor, id, "rotate", Grants::Secret).await?;
    let now = app.clock.now();
    if matches!(key.status(now), Status::Expired | Status::Revoked) {
        return Err(Refusal::State(ENDED));
    }
    let mut write = require_compliance(app, actor, write, &key, "rotate").await?;
    if let Some(hash) = &repeat
        && !store::note_idempotency(&mut write, key.org, &sender(actor), hash, id, now).await?
    {
        return Err(Refusal::Repeated(id));
    }
    let old = key.secret;
    let until = now.plus(overlap).min(key.expires_at.unwrap_or(Timestamp::from_millis(i64::MAX)));
    if key.rotation(now).is_some() {
        if usage::has_pending_calls(app, &mut write, id, old).await?
            || store::is_used(&mut write, old).await?
        {
            return Err(Refusal::State(STILL_ROTATING));
        }
        store::end_secret(&mut write, old, now).await?;
    } else {
        if let Some((earlier, _)) = key.previous {
            store::end_secret(&mut write, earlier, now).await?;
        }
        if overlap.is_zero() {
            store::end_secret(&mut write, old, now).await?;
            key.previous = None;
        } else {
            key.previous = Some((old, until));
        }
    }
    key.secret = fresh.id();
    store::insert_secret(&mut write, key.secret, id, &stored, now).await?;
    store::set_secrets(&mut write, id, key.secret, key.previous).await?;
    let receiver = acting_person(&mut write, actor).await?;
    store::set_rotated_by(&mut write, id, actor.principal, receiver).await?;
    // The acting key receives the new secret.
    if let Some(other) = bounds.and_then(|bounds| bounds.counts_with).filter(|other| *other != id) {
        store::set_counts_with(&mut write, id, other).await?;
        key.counts_with = Some(other);
    }
    if let Some(request) = confirmed {
        approvals::record_confirmation(app, &mut write, actor, request, &id.to_string()).await?;
    }
    let event = Event::new("key.rotated").detail("replaces", old.to_string());
    let event = match key.previous {
        Some((_, until)) => event.detail("old_valid_until", until.to_string()),
        None => event,
    };
    conclude(app, actor, write, &key, event).await?;
    Ok(Revealed { key, plaintext: fresh.into_secret() })
}

pub(super) fn check_overlap(overlap: Duration) -> Result<(), Refusal> {
    if overlap > MAX_OVERLAP {
        return Err(Refusal::field("overlap", "The old secret may stay valid for at most 90 days."));
    }
    Ok(())
}

/// Ends the old secret before its cut-off. `expected` is the old secret whose use the actor has seen; another one stays.
pub async fn finish(app: &App, actor: &Actor, id: KeyId, expected: Option<SecretId>) -> Result<Key, Refusal> {
    let (mut write, mut key) = lock_key(app, actor, id, "finish", Grants::Nothing).await?;
    let now = app.clock.now();
    let Some((old, _)) = key.rotation(now) else { return Err(Refusal::State(NOT_ROTATING)) };
    if expected.is_some_and(|expected| expected != old) {
        return Err(Refusal::State(ANOTHER_ROTATION));
    }
    store::end_secret(&mut write, old, now).await?;
    key.previous = None;
    store::set_secrets(&mut write, id, key.secret, None).await?;
    let event = Event::new("key.rotation_finished").detail("ended", old.to_string());
    conclude(app, actor, write, &key, event).await?;
    Ok(key)
}

/// Moves the old secret's cut-off to a later time.
pub async fn extend(app: &App, actor: &Actor, id: KeyId, until: Timestamp) -> Result<Key, Refusal> {
    let (write, mut key) = lock_key(app, actor, id, "extend", Grants::Power).await?;
    let mut write = require_creator(app, actor, write, &key, "extend").await?;
    let now = app.clock.now();
    let Some((old, cut_off)) = key.rotation(now) else { return Err(Refusal::State(NOT_ROTATING)) };
    if until <= cut_off {
        return Err(Refusal::field("until", format!("The old secret is valid until {cut_off} already.")));
    }
    if until > now.plus(MAX_OVERLAP) {
        return Err(Refusal::field("until", "The old secret may stay valid for at most 90 days."));
    }
    if key.expires_at.is_some_and(|end| until > end) {
        return Err(Refusal::field("until", "The key itself expires before that."));
    }
    key.previous = Some((old, until));
    store::set_secrets(&mut write, id, key.secret, key.previous).await?;
    let event = Event::new("key.rotation_extended")
        .detail("from", cut_off.to_string())
        .detail("old_valid_until", until.to_string());
    conclude(app, actor, write, &key, event).await?;
    Ok(key)
}
