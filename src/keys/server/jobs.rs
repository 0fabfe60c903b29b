//! Work beside the requests: reading the change log, writing usage, ending secrets at their cut-off.

use std::collections::HashSet;
use std::fmt::Display;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use super::{Memory, ending, store};
use crate::audit::{self, By, Event};
use crate::keys::SOON;
use crate::platform::changes::{self, Kind as Changed};
use crate::platform::live::Topic;
use crate::platform::metrics::KeyCounts;
use crate::platform::{App, Error};
use crate::shared::SecretId;
use crate::usage::Outcome;
use crate::usage::server as usage;

/// A reading that takes longer has failed: what is remembered may not be used any more, or soon.
const READING: Duration = Duration::from_secs(4);
const IDEMPOTENCY: Duration = Duration::from_secs(24 * 60 * 60);
/// What the start and the stop wait for, about, while usage is added up.
const AT_ONCE: Duration = Duration::from_secs(5);
/// How soon the stop tries again to write what could not be written.
const AGAIN: Duration = Duration::from_millis(250);
const CHANGES: Duration = Duration::from_secs(24 * 60 * 60);

/// Runs once at the start: reads the change log and rolls up usage that an earlier process wrote to the journal.
pub async fn prepare(app: &App) -> Result<(), Error> {
    catch_up(app).await?;
    if let Err(error) = usage::add_up_for(app, TABLES, AT_ONCE).await {
        tracing::warn!(%error, "usage in the journal could not be rolled up; retrying later");
    }
    Ok(())
}

/// One round of writing usage. A step that fails does not keep the next from running; the first error is returned.
pub async fn write_usage(app: &App) -> Result<(), Error> {
    let written = write_down(app).await;
    let joined = usage::join_when_much(app).await;
    let added = usage::add_up_when_due(app, TABLES).await;
    app.slice::<Arc<Memory>>().tidy(app.config.keys.remembered_tokens as usize);
    written.and(joined).and(added)
}

/// Figures for the metrics, from memory.
pub fn measure(app: &App) {
    let (memory, operations) = (app.slice::<Arc<Memory>>(), &app.metrics.operations);
    operations.set_remembered_tokens(memory.len());
    operations.set_change_log_age(memory.age_of_reading(app.clock.steady()));
}

/// Counts the keys of all organizations for the metrics. It reads an index as large as the number of keys, so it does not
/// run whenever the metrics are read.
pub async fn count_all(app: &App) -> Result<(), Error> {
    let now = app.clock.now();
    let (active, expiring) = store::count_usable(app.db.pool(), now, now.plus(SOON)).await?;
    app.metrics.operations.set_keys(KeyCounts { active, expiring });
    Ok(())
}

/// Was the log read in time, so that what is remembered may be used?
pub fn is_current(app: &App) -> bool {
    app.slice::<Arc<Memory>>().may_use_states(app.clock.steady())
}

/// Reads the change log once more. When that fails after the lease has ended, the database counts as away, and whoever
/// needs it is refused without waiting, until a reading succeeds.
pub async fn keep_up(app: &App) -> Result<(), Error> {
    let read = catch_up(app).await;
    if read.is_err() && !is_current(app) {
        app.db.set_away(true);
    }
    if read.is_ok() && app.db.set_away(false) {
        tracing::info!("the database answers again");
    }
    read
}

/// Reads what has changed since the last time and tells those who remember it.
pub async fn catch_up(app: &App) -> Result<(), Error> {
    let memory = app.slice::<Arc<Memory>>();
    loop {
        let began = app.clock.steady();
        let Some(seen) = memory.seen() else {
            let newest = app.db.within(READING, |db| Box::pin(changes::newest(db))).await?;
            app.db.listener().tell_gap();
            memory.read_to(newest);
            memory.renew(began);
            return Ok(());
        };
        let read = app.db.within(READING, move |db| Box::pin(changes::after(db, seen))).await?;
        if read.gap {
            app.db.listener().tell_gap();
        }
        app.db.listener().tell(&read.changes);
        memory.read_to(read.last);
        if !read.more {
            memory.renew(began);
            return Ok(());
        }
    }
}

/// Before the process ends: writes what was counted, and adds it up. What cannot be added up soon is in the journal, for
/// the next process.
pub async fn settle(app: &App) -> Result<(), Error> {
    settle_within(app, AT_ONCE).await
}

/// The same, trying again for so long while it cannot be written.
pub async fn settle_within(app: &App, span: Duration) -> Result<(), Error> {
    if let Err(reason) = write_down_within(app, span).await {
        let lost = app.slice::<usage::Usage>().unwritten();
        return Err(Error::internal(format!("{lost} counted requests are lost: {reason}")));
    }
    match tokio::time::timeout(AT_ONCE, usage::add_up_for(app, TABLES, AT_ONCE)).await {
        Ok(added) => added,
        Err(_) => Ok(()), // the next process does it
    }
}

/// An error is the reason of the last failure.
async fn write_down_within(app: &App, span: Duration) -> Result<(), String> {
    let mut late = pin!(tokio::time::sleep(span));
    let mut reason = "the database did not answer".to_owned();
    // The first may be one whose commit was in doubt; the second has what came since.
    for _ in 0..2 {
        loop {
            tokio::select! {
                biased;
                written = write_down(app) => match written {
                    Ok(()) => break,
                    Err(error) => reason = error.to_string(),
                },
                () = &mut late => return Err(reason),
            }
            tokio::select! {
                () = tokio::time::sleep(AGAIN) => {}
                () = &mut late => return Err(reason),
            }
        }
    }
    Ok(())
}

/// Writes and adds up all that was counted, however long it takes: afterwards the tables say all.
#[cfg(test)]
pub async fn flush(app: &App) -> Result<(), Error> {
    for _ in 0..2 {
        write_down(app).await?;
    }
    usage::add_up_for(app, TABLES, Duration::MAX).await
}

const TABLES: usage::Tables = usage::Tables {
    add: |write, batch| Box::pin(store::add_totals(write, &batch.keys, &batch.secrets)),
    owners: |write, secrets| Box::pin(store::owners(write, secrets)),
};

async fn write_down(app: &App) -> Result<(), Error> {
    if let Some(flight) = usage::write_down(app).await? {
        tell_first_calls(app, &flight);
    }
    Ok(())
}

const FIRST_CALL: &str = "/first-call";

/// What pages wait for: the first call with a secret.
pub fn first_call(org: &impl Display, secret: SecretId) -> Topic {
    Topic::of_org(org, &format!("secrets/{secret}{FIRST_CALL}"))
}

/// Tells the pages that wait for a secret's first call.
fn tell_first_calls(app: &App, flight: &usage::Flight) {
    let awaited = app.live.awaited();
    let secrets = awaited.iter().filter_map(|topic| topic.strip_suffix(FIRST_CALL)?.rsplit('/').next());
    let mut secrets: HashSet<SecretId> = secrets.filter_map(SecretId::parse).collect();
    if secrets.is_empty() {
        return;
    }
    for line in flight.lines().filter(|line| line.outcome == Outcome::Valid) {
        if secrets.remove(&line.secret) {
            // A page names the secret; whose it is decides whether it may hear of it.
            let from = line.source.address.map(|address| format!(" from {address}")).unwrap_or_default();
            app.live.tell(first_call(&line.source.org, line.secret), format!("First call received{from}."));
        }
    }
}

/// Ends the former secrets whose cut-off has passed (checks refuse them from that moment on anyway), tells of
/// keys that end soon, and forgets what is old.
pub async fn sweep(app: &App) -> Result<(), Error> {
    let now = app.clock.now();
    loop {
        let mut write = app.db.write().await?;
        let due = store::cut_off(&mut write, now).await?;
        for (org, id) in &due {
            let Some(key) = store::hold(&mut write, org, id).await? else { continue };
            let Some((secret, until)) = key.previous.filter(|(_, until)| *until <= now) else { continue };
            store::end_secret(&mut write, secret, until).await?;
            store::set_secrets(&mut write, id, key.secret, None).await?;
            let event =
                Event::new("key.rotation_ended").on("key", id, &key.name).detail("ended", secret.to_string());
            audit::record(app, &mut write, &By::system().in_org(org), event).await?;
            changes::note(&mut write, now, Changed::Key, id.as_str()).await?;
        }
        store::forget_idempotency(&mut write, now.minus(IDEMPOTENCY)).await?;
        changes::forget_before(&mut write, now.minus(CHANGES)).await?;
        write.commit().await?;
        if due.is_empty() {
            break;
        }
    }
    ending::tell(app).await?;
    usage::sweep(app).await
}
