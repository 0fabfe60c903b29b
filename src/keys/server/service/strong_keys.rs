//! Keys with a role for which the key policy asks for a second person. Only their creator may receive a new secret of them or
//! enable them, and nobody may extend what they can do: a new key, which a second person approves, is the way.

use ipnet::IpNet;

use super::{Refusal, refused, store};
use crate::key_policy::server as key_policy;
use crate::keys::server::{Key, KeyQuota};
use crate::orgs::server::Actor;
use crate::platform::db::Write;
use crate::platform::{App, Error};
use crate::shared::UserId;

const WAY: &str = "Create a new key; a second person approves it.";

/// Refuses everybody but the creator of a key that would need an approval today. A key that acts must be in the hands of its
/// creator.
pub(super) async fn require_creator(
    app: &App,
    actor: &Actor,
    mut write: Write,
    key: &Key,
    verb: &'static str,
) -> Result<Write, Refusal> {
    let policy = key_policy::of_org(&mut *write, key.org).await?;
    if !policy.is_some_and(|policy| policy.rules.needs_approval(key.role)) {
        return Ok(write);
    }
    let person = acting_person(&mut write, actor).await?;
    if key.created_by == actor.user && person == key.created_by {
        return Ok(write);
    }
    drop(write);
    let why = format!(
        "Keys with the role {} need the approval of a second person, so only the creator of this key can {verb} it. {WAY}",
        key.role.label()
    );
    Err(refused(app, actor, verb, Some(key), why).await.into())
}

/// The person who acts. For a key, that is the person who received its secret last, because another person may have rotated it.
pub(super) async fn acting_person(write: &mut Write, actor: &Actor) -> Result<UserId, Error> {
    let receiver = match actor.key {
        Some(acting) => store::receiver(write, acting).await?,
        None => None,
    };
    Ok(receiver.unwrap_or(actor.user))
}

/// The fields in which an edit extends what a key can do.
pub(super) fn extended_fields(old: &Key, new: &Key) -> Vec<(&'static str, String)> {
    let is_raised =
        |old: Option<i64>, new: Option<i64>| old.is_some_and(|old| new.is_none_or(|new| new > old));
    let time = |key: &Key| key.expires_at.map(|at| at.millis());
    let mut fields = Vec::new();
    if is_raised(time(old), time(new)) {
        fields.push(("expires_at", "a later expiry"));
    }
    if is_raised(old.rate_limit.map(i64::from), new.rate_limit.map(i64::from)) {
        fields.push(("rate_limit", "a higher limit"));
    }
    if !old.ranges.is_empty() && !covers(&old.ranges, &new.ranges) {
        fields.push(("ranges", "further addresses"));
    }
    let is_within = |of: KeyQuota| {
        new.customer.quota.is_some_and(|quota| quota.period == of.period && quota.limit <= of.limit)
    };
    if old.customer.quota.is_some_and(|quota| !is_within(quota)) {
        fields.push(("quota", "a higher quota"));
    }
    if old.customer.external_id != new.customer.external_id {
        fields.push(("external_id", "another owner"));
    }
    if old.customer.metadata != new.customer.metadata {
        fields.push(("metadata", "other metadata"));
    }
    if new.customer.permissions.iter().any(|name| !old.customer.permissions.contains(name)) {
        fields.push(("permissions", "further permissions"));
    }
    let role = old.role.label();
    let why = |what| {
        format!(
            "Keys with the role {role} need the approval of a second person, so this key cannot get {what}. {WAY}"
        )
    };
    fields.into_iter().map(|(field, what)| (field, why(what))).collect()
}

/// Adjacent ranges together cover a range that spans them.
fn covers(allowed: &[IpNet], ranges: &[IpNet]) -> bool {
    let allowed = IpNet::aggregate(&allowed.to_vec());
    !ranges.is_empty() && ranges.iter().all(|range| allowed.iter().any(|wide| wide.contains(range)))
}
