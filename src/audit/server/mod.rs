//! Writes events to the audit log, and deletes old ones.

mod event;
mod listener;
mod read;
mod refusals;
mod repeated;
mod roles;
mod store;
mod words;

pub use event::{By, Event, EventActor, Origin};
pub use listener::{EventListener, RegisteredListener};
#[cfg(test)]
pub use read::statement;
pub use read::{AuditFilter, Recorded, Target, actions, latest_targets, list, newest};
pub use refusals::Refusals;
pub use roles::{RoleEvent, role_events};
pub use words::{about_it, how_often, in_general};

use std::time::Duration;

use refusals::{Due, RefusalTime};

use crate::platform::db::Write;
use crate::platform::{App, Error};
use crate::shared::{EventId, Timestamp};

/// How many old rows one transaction deletes.
const MAX_DELETED: i64 = 5_000;

/// Writes one event in the transaction of its change, and passes it to the listener.
pub async fn record(app: &App, write: &mut Write, by: &By, event: Event) -> Result<(), Error> {
    insert(app, write, by, &event, 0).await?;
    announce(app, write, by, &event).await
}

/// Whether exactly one change with one of these actions was made of a target since a time. A change may be undone only while it
/// is the only one: what somebody else did afterwards stays.
pub async fn is_only_change_since(
    write: &mut Write,
    target: impl ToString,
    actions: &[&str],
    since: Timestamp,
) -> Result<bool, Error> {
    Ok(store::count_since(write, &target.to_string(), actions, since).await? == 1)
}

/// Passes an event to the listener only: what happens by itself, such as the expiry of a key, has no row in the log.
pub async fn announce(app: &App, write: &mut Write, by: &By, event: &Event) -> Result<(), Error> {
    app.slice::<RegisteredListener>().0.on_event(app, write, by, event).await
}

/// Writes the request of a person who is not signed in, in the transaction of its change. In a flood of such requests, it is only
/// counted.
pub async fn record_stranger(app: &App, write: &mut Write, by: &By, event: Event) -> Result<(), Error> {
    if app.slice::<Refusals>().admits_request(by, &event, moment(app)) {
        insert(app, write, by, &event, 1).await?;
    }
    Ok(())
}

/// Writes a refusal, in its own transaction. Repeated refusals are counted, and become one row a minute (see `refusals`).
pub async fn record_refusal(app: &App, by: &By, event: Event) -> Result<(), Error> {
    match app.slice::<Refusals>().note(by, event, moment(app)) {
        Some(due) => write_refusals(app, due).await,
        None => Ok(()),
    }
}

/// Records a refusal for a missing permission and returns the error with the reason.
pub async fn forbid(app: &App, by: &By, event: Event, why: String) -> Error {
    match record_refusal(app, by, event.detail("reason", why.clone())).await {
        Ok(()) => Error::Forbidden(why),
        Err(error) => error,
    }
}

/// Writes the counted refusals that are due, or all of them at shutdown.
pub async fn flush_refusals(app: &App, all: bool) -> Result<(), Error> {
    write_refusals(app, app.slice::<Refusals>().due(app.clock.steady(), all)).await
}

async fn write_refusals(app: &App, due: Due<'_>) -> Result<(), Error> {
    if due.rows().is_empty() {
        return Ok(());
    }
    let mut write = app.db.write().await?;
    for row in due.rows() {
        let mut event = row.event.clone();
        if row.times > 1 {
            event = event.detail("first_at", row.first.to_string());
        }
        insert(app, &mut write, &row.by, &event, row.times).await?;
    }
    write.commit().await?;
    due.written();
    Ok(())
}

async fn insert(app: &App, write: &mut Write, by: &By, event: &Event, times: i64) -> Result<(), Error> {
    let now = app.clock.now();
    let id = EventId::new(now, app.random_for_id());
    Ok(store::insert(write, id, now, by, event, times).await?)
}

fn moment(app: &App) -> RefusalTime {
    RefusalTime { steady: app.clock.steady(), wall: app.clock.now() }
}

/// Deletes rows that are older than the configured retention: refusals, and all rows if there is a retention for them. Returns the
/// number of deleted rows.
pub async fn sweep(app: &App, all: Option<Duration>, refusals: Duration) -> Result<u64, Error> {
    let now = app.clock.now();
    let mut deleted = delete(app, store::Old::Refusals, now.minus(refusals)).await?;
    if let Some(all) = all {
        deleted += delete(app, store::Old::All, now.minus(all)).await?;
    }
    Ok(deleted)
}

/// Deletes in portions, so that other writers can run in between.
async fn delete(app: &App, old: store::Old, before: Timestamp) -> Result<u64, Error> {
    let mut deleted = 0;
    loop {
        let mut write = app.db.write().await?;
        let part = store::delete_before(&mut write, old, before, MAX_DELETED).await?;
        write.commit().await?;
        deleted += part;
        if part < MAX_DELETED as u64 {
            return Ok(deleted);
        }
    }
}
