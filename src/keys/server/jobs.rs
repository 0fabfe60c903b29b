//! Background work: reading the change log, writing usage, ending secrets at their cut-off.

use std::collections::{HashMap, HashSet};
use std::fmt::Display;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::metrics::KeyCounts;
use super::renewal_jobs::sweep_renewed_secrets;
use super::{KeyCache, KeyMetrics, announcements, store};
use crate::audit::{self, By, Event};
use crate::keys::SOON;
use crate::permissions::server::jobs as permissions;
use crate::platform::changes::{self, ChangeKind};
use crate::platform::db::Fault;
use crate::platform::live::Topic;
use crate::platform::{App, Error};
use crate::shared::SecretId;
use crate::usage::Outcome;
use crate::usage::server::{self as usage, Slot};

/// The timeout of one attempt to read the change log. Two attempts must fit into the lease on cached states.
const READ_TIMEOUT: Duration = Duration::from_secs(2);
const IDEMPOTENCY_TTL: Duration = Duration::from_secs(24 * 60 * 60);
/// About how long the start and the stop wait while usage is rolled up.
const ROLLUP_TIME: Duration = Duration::from_secs(5);
/// Longer than a month, whose count a key may still need.
const QUOTA_USE_TTL: Duration = Duration::from_secs(40 * 24 * 60 * 60);
const CHANGE_LOG_TTL: Duration = Duration::from_secs(24 * 60 * 60);

/// Runs once at the start: reads the change log and rolls up usage that an earlier process wrote to the journal.
pub async fn prepare(app: &App) -> Result<(), Error> {
    read_change_log(app).await?;
    if let Err(error) = usage::roll_up_for(app, TABLES, ROLLUP_TIME).await {
        tracing::warn!(%error, "usage in the journal could not be rolled up; retrying later");
    }
    Ok(())
}

/// Runs one round of writing usage. If a step fails, the next ones still run; the first error is returned.
pub async fn write_usage(app: &App) -> Result<(), Error> {
    let written = write_journal(app).await;
    let rolled_up = usage::roll_up_when_due(app, TABLES).await;
    let cache = app.slice::<Arc<KeyCache>>();
    let quotas = cache.quotas.write(app).await;
    cache.trim(app.config.keys.remembered_tokens as usize);
    written.and(rolled_up).and(quotas)
}

/// Sets the metrics that are computed from memory.
pub fn measure(app: &App) {
    let cache = app.slice::<Arc<KeyCache>>();
    app.slice::<KeyMetrics>().set_remembered_tokens(cache.len());
    app.metrics.database.set_change_log_age(cache.change_log_age(app.clock.steady()));
}

/// Counts the keys of all organizations for the metrics. It reads an index as large as the number of keys, so it does not
/// run whenever the metrics are read.
pub async fn count_all(app: &App) -> Result<(), Error> {
    let now = app.clock.now();
    let (active, expiring) = store::count_usable(app.db.pool(), now, now.plus(SOON)).await?;
    app.slice::<KeyMetrics>().set_keys(KeyCounts { active, expiring });
    Ok(())
}

/// Whether the change log was read recently enough to use cached states.
pub fn is_current(app: &App) -> bool {
    app.slice::<Arc<KeyCache>>().is_current(app.clock.steady())
}

/// Reads the change log once. If that fails after the lease has ended, the database is marked as away: requests that need it
/// are refused without waiting, until a reading succeeds.
pub async fn follow_change_log(app: &App) -> Result<(), Error> {
    let read = match app.db.check_file() {
        Err(fault @ (Fault::Overwritten | Fault::LogDamaged)) => Err(fault.into()),
        _ => read_change_log(app).await,
    };
    if read.is_err() && !is_current(app) {
        app.db.set_away(true);
    }
    if read.is_ok() && app.db.set_away(false) {
        tracing::info!("database is reachable again");
    }
    read
}

/// Reads the changes since the last time and passes them to the caches.
pub async fn read_change_log(app: &App) -> Result<(), Error> {
    let cache = app.slice::<Arc<KeyCache>>();
    loop {
        let began = app.clock.steady();
        let Some(seen) = cache.change_log_position() else {
            let newest = app.db.within_two_tries(READ_TIMEOUT, |db| Box::pin(changes::newest(db))).await?;
            app.db.listener().notify_gap();
            cache.set_change_log_position(newest);
            cache.renew_lease(began);
            return Ok(());
        };
        let read =
            app.db.within_two_tries(READ_TIMEOUT, move |db| Box::pin(changes::read_after(db, seen))).await?;
        if read.gap {
            app.db.listener().notify_gap();
        }
        app.db.listener().notify(&read.changes);
        cache.set_change_log_position(read.last);
        if !read.more {
            cache.renew_lease(began);
            return Ok(());
        }
    }
}

/// Before the process ends: writes the counted usage and rolls it up. Usage that cannot be rolled up in time stays in the
/// journal for the next process.
pub async fn drain(app: &App) -> Result<(), Error> {
    drain_within(app, ROLLUP_TIME).await
}

/// The same, retrying for up to `span` while usage cannot be written.
pub async fn drain_within(app: &App, span: Duration) -> Result<(), Error> {
    let quotas = &app.slice::<Arc<KeyCache>>().quotas;
    let written = app.db.retry_within(span, async || {
        if app.db.is_away() {
            // The job that does this has ended.
            let _ = follow_change_log(app).await;
        }
        let (counts, quotas, asked) =
            tokio::join!(write_all_counts(app), quotas.write(app), permissions::write_query_times(app));
        counts.and(quotas).and(asked)
    });
    if let Err(reason) = written.await {
        let calls = app.slice::<usage::Usage>().unwritten();
        let quotas = app.slice::<Arc<KeyCache>>().quotas.unwritten();
        return Err(Error::internal(format!(
            "{calls} counted requests and the last use of {quotas} quotas are lost: {reason}"
        )));
    }
    let rolled_up = tokio::time::timeout(ROLLUP_TIME, usage::roll_up_for(app, TABLES, ROLLUP_TIME)).await;
    if let Ok(Err(error)) = rolled_up {
        tracing::warn!(%error, "usage stays in the journal; the next start rolls it up");
    }
    Ok(())
}

/// The first write may repeat one whose commit is in doubt. The second has the usage that was counted since.
async fn write_all_counts(app: &App) -> Result<(), Error> {
    write_journal(app).await?;
    write_journal(app).await
}

/// Writes and rolls up all counted usage, however long it takes. Afterwards the tables are complete.
#[cfg(test)]
pub async fn flush(app: &App) -> Result<(), Error> {
    write_all_counts(app).await?;
    usage::roll_up_for(app, TABLES, Duration::MAX).await
}

const TABLES: usage::KeyCallbacks = usage::KeyCallbacks {
    add_totals: |write, batch| Box::pin(store::add_totals(write, &batch.keys, &batch.secrets)),
    owners: |write, secrets| Box::pin(store::owners(write, secrets)),
    on_first_uses: |app, write, keys| Box::pin(announcements::announce_first_uses(app, write, keys)),
};

async fn write_journal(app: &App) -> Result<(), Error> {
    if let Some(flush) = usage::write_journal(app).await? {
        notify_first_calls(app, &flush);
    }
    Ok(())
}

const FIRST_CALL: &str = "/first-call";

/// The topic of a secret's first call, which pages wait for.
pub fn first_call(org: &impl Display, secret: SecretId) -> Topic {
    Topic::of_org(org, &format!("secrets/{secret}{FIRST_CALL}"))
}

/// Notifies the pages that wait for a secret's first call.
fn notify_first_calls(app: &App, flush: &usage::Flush) {
    let topics = app.live.expected_topics();
    let secrets = topics.iter().filter_map(|topic| topic.strip_suffix(FIRST_CALL)?.rsplit('/').next());
    let mut secrets: HashSet<SecretId> = secrets.filter_map(SecretId::parse).collect();
    if secrets.is_empty() {
        return;
    }
    for (slot, _) in flush.lines().filter(|(slot, _)| slot.outcome == Outcome::Valid) {
        if secrets.remove(&slot.secret) {
            // The topic includes the organization, so that a page of another organization with this secret id is not notified.
            let origin = slot.address.map(|address| format!(" from {address}")).unwrap_or_default();
            app.live.publish(first_call(&slot.org, slot.secret), format!("First call received{origin}."));
        }
    }
    // One signal for each secret, however many callers were refused. Lines are sorted by outcome, so a refusal of the right
    // secret replaces one of a wrong secret.
    let refused = flush.lines().map(|(slot, _)| slot).filter(|slot| secrets.contains(&slot.secret));
    let refused: HashMap<SecretId, &Slot> = refused.map(|slot| (slot.secret, slot)).collect();
    for slot in refused.into_values() {
        let text = refused_first_call(slot.outcome, slot.address);
        app.live.publish_refusal(first_call(&slot.org, slot.secret), text);
    }
}

/// Why the page still waits. Whoever sends a wrong secret may be a stranger, so that is not called the first call.
fn refused_first_call(outcome: Outcome, address: Option<IpAddr>) -> String {
    let origin = address.map(|address| format!(" from {address}")).unwrap_or_default();
    match (outcome, address) {
        (Outcome::IpNotAllowed, Some(address)) => {
            format!("Your first call came from {address}, which this key does not allow.")
        }
        (Outcome::Unknown | Outcome::Revoked, _) => {
            format!("A call{origin} was refused. {}", outcome.reason())
        }
        _ => format!("Your first call{origin} was refused. {}", outcome.reason()),
    }
}

/// Ends previous secrets whose cut-off has passed (checks already refuse them), announces expiries, and deletes old rows.
pub async fn sweep(app: &App) -> Result<(), Error> {
    let now = app.clock.now();
    loop {
        let mut write = app.db.write().await?;
        let due = store::end_due_rotations(&mut write, now).await?;
        for (org, id) in &due {
            let Some(key) = store::lock(&mut write, *org, *id).await? else { continue };
            let Some((secret, until)) = key.previous.filter(|(_, until)| *until <= now) else { continue };
            store::end_secret(&mut write, secret, until).await?;
            store::set_secrets(&mut write, *id, key.secret, None).await?;
            let event =
                Event::new("key.rotation_ended").on("key", id, &key.name).detail("ended", secret.to_string());
            audit::record(app, &mut write, &By::system().in_org(*org), event).await?;
            changes::record(&mut write, now, ChangeKind::Key, id).await?;
        }
        store::forget_idempotency(&mut write, now.minus(IDEMPOTENCY_TTL)).await?;
        changes::delete_before(&mut write, now.minus(CHANGE_LOG_TTL)).await?;
        write.commit().await?;
        if due.is_empty() {
            break;
        }
    }
    sweep_renewed_secrets(app).await?;
    store::forget_quota_use(&app.db, now.minus(QUOTA_USE_TTL)).await?;
    announcements::announce_expiries(app).await?;
    usage::sweep(app).await
}
