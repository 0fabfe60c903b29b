//! Applies key policies in the background: disables idle keys, and sends letters that ask for a rotation of old secrets.

use std::collections::BTreeMap;
use std::time::Duration;

use super::service::about;
use super::store::{self, OldSecret};
use super::{Key, letters};
use crate::audit::{self, By, Event};
use crate::key_policy::server as key_policy;
use crate::orgs::server::{find as find_org, responsible_emails};
use crate::platform::changes::{self, ChangeKind};
use crate::platform::{App, Error};
use crate::shared::{KeyId, OrgId, Timestamp};
use crate::usage::server as usage;

/// The maximum number of keys in one transaction.
const BATCH_SIZE: i64 = 100;
/// The maximum number of old secrets per organization and round, so that the letters about them fit into the mail queue.
const MAX_OLD_SECRETS: i64 = 100;

/// Disables idle keys and sends reminders, for all organizations.
pub async fn apply_policies(app: &App) -> Result<(), Error> {
    for (org, policy) in key_policy::all(app.db.pool()).await? {
        let now = app.clock.now();
        if let Some(time) = policy.idle_time(now) {
            disable_idle(app, org, time).await?;
        }
        if let Some(age) = policy.rules.max_secret_age() {
            remind_of_old_secrets(app, org, now.minus(age)).await?;
        }
    }
    Ok(())
}

/// Disables idle keys, and sends each person concerned one letter about all of them.
async fn disable_idle(app: &App, org: OrgId, time: Duration) -> Result<(), Error> {
    let Some((org_name, _)) = find_org(app, org).await? else { return Ok(()) };
    let mut disabled = BTreeMap::new();
    let result = disable_idle_keys(app, org, time, &mut disabled).await;
    for (to, keys) in &disabled {
        letters::idle(app, to, &org_name, keys, time);
    }
    result
}

/// The disabled keys of a round, with their names, by the address of the person concerned.
type DisabledKeys = BTreeMap<String, Vec<(KeyId, String)>>;

async fn disable_idle_keys(
    app: &App,
    org: OrgId,
    time: Duration,
    disabled: &mut DisabledKeys,
) -> Result<(), Error> {
    let mut after: Option<KeyId> = None;
    loop {
        let now = app.clock.now();
        let since = now.minus(time);
        let due = store::idle_keys(app.db.pool(), org, now, since, after, BATCH_SIZE).await?;
        after = due.last().copied();
        if due.is_empty() {
            return Ok(());
        }
        let mut write = app.db.write().await?;
        let mut portion: Vec<(Key, Vec<String>)> = Vec::new();
        for id in due {
            let Some(mut key) = store::lock(&mut write, org, id).await? else { continue };
            // The key may have been used or enabled meanwhile.
            let is_used = usage::has_pending_calls(app, &mut write, id, key.secret).await?;
            if is_used || !store::is_idle(&mut write, id, now, since).await? {
                continue;
            }
            key.disabled_at = Some(now);
            store::set_disabled(&mut write, id, key.disabled_at).await?;
            let event = about(&key, Event::new("key.disabled")).detail("because", "idle");
            audit::record(app, &mut write, &By::system().in_org(org), event).await?;
            let recipients = responsible_emails(&mut write, org, key.created_by).await?;
            portion.push((key, recipients));
        }
        for (key, _) in &portion {
            changes::record(&mut write, now, ChangeKind::Key, key.id).await?;
        }
        write.commit().await?;
        for (key, recipients) in portion {
            for to in recipients {
                disabled.entry(to).or_default().push((key.id, key.name.clone()));
            }
        }
    }
}

async fn remind_of_old_secrets(app: &App, org: OrgId, before: Timestamp) -> Result<(), Error> {
    if !app.mail.is_on() {
        return Ok(());
    }
    let Some((org_name, _)) = find_org(app, org).await? else { return Ok(()) };
    let old = store::old_secrets(app.db.pool(), org, app.clock.now(), before, true, MAX_OLD_SECRETS).await?;
    if old.is_empty() {
        return Ok(());
    }
    let mut write = app.db.write().await?;
    let mut reminders: Vec<(OldSecret, Vec<String>)> = Vec::new();
    for secret in old {
        store::mark_reminded(&mut write, secret.key, secret.secret).await?;
        let recipients = responsible_emails(&mut write, org, secret.creator).await?;
        reminders.push((secret, recipients));
    }
    write.commit().await?;
    for (secret, recipients) in &reminders {
        for to in recipients {
            letters::old_secret(app, to, &org_name, secret);
        }
    }
    Ok(())
}
