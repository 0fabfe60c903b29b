//! The audit writer, and the pages that show what was written.

mod event;
mod pages;
mod read;
mod store;
mod words;

pub use event::{Actor, By, Event, Origin};
pub use pages::doors;
#[cfg(test)]
pub use read::statement;
pub use read::{Filter, Recorded, Target, list};
pub use words::{about_it, in_general};

use std::time::Duration;

use crate::platform::db::Write;
use crate::platform::{App, Error};

/// Writes one event with the change that it tells of.
pub async fn record(app: &App, write: &mut Write, by: &By, event: Event) -> Result<(), Error> {
    let now = app.clock.now();
    let id = crate::shared::EventId::new(now, app.chance_for_id());
    Ok(store::insert(write, &id, now, by, &event).await?)
}

/// A refusal of something that matters is an event too, which stands for itself.
pub async fn record_refusal(app: &App, by: &By, event: Event) -> Result<(), Error> {
    let mut write = app.db.write().await?;
    record(app, &mut write, by, event).await?;
    Ok(write.commit().await?)
}

/// The same where somebody may not: the error that tells them why.
pub async fn forbid(app: &App, by: &By, event: Event, why: String) -> Error {
    match record_refusal(app, by, event.detail("reason", why.clone())).await {
        Ok(()) => Error::Forbidden(why),
        Err(error) => error,
    }
}

/// Deletes what is older than the configured retention, if there is one. Returns how many rows went.
pub async fn sweep(app: &App, keep: Option<Duration>) -> Result<u64, Error> {
    let Some(keep) = keep else { return Ok(0) };
    let mut write = app.db.write().await?;
    let gone = store::delete_before(&mut write, app.clock.now().minus(keep)).await?;
    write.commit().await?;
    Ok(gone)
}
