//! Webhook events that no actor causes: a key expires soon, has expired, or was used for the first time. Each is announced once,
//! in the transaction that notes it.

use std::time::Duration;

use super::service::about;
use super::store::{self, Announcement, Reminder};
use crate::audit::{self, By, Event};
use crate::keys::REMINDER_DAYS;
use crate::platform::db::Write;
use crate::platform::{App, Error};
use crate::shared::{KeyId, Timestamp};

/// The most keys of one transaction.
const BATCH_SIZE: u32 = 100;
/// After an outage, expiries that are older than this are not announced.
const MAX_AGE: Duration = Duration::from_secs(30 * 24 * 60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The reminders of keys that expire soon, the shortest first: a key that has missed one gets the next one only.
pub fn reminders(
    now: Timestamp,
    column: &'static str,
    days_column: &'static str,
) -> impl Iterator<Item = Announcement> {
    REMINDER_DAYS.into_iter().map(move |days| Announcement {
        column,
        after: now,
        until: now.plus(DAY * u32::try_from(days).unwrap_or(0)),
        reminder: Some(Reminder { days, column: days_column }),
    })
}

/// Announces keys that expire soon and keys that have expired.
pub async fn announce_expiries(app: &App) -> Result<(), Error> {
    let now = app.clock.now();
    for expiring in reminders(now, "announced_expiring", "announced_days") {
        announce_all(app, expiring, "key.expiring").await?;
    }
    let expired =
        Announcement { column: "announced_expired", after: now.minus(MAX_AGE), until: now, reminder: None };
    announce_all(app, expired, "key.expired").await
}

async fn announce_all(app: &App, what: Announcement, action: &'static str) -> Result<(), Error> {
    loop {
        let due = store::find_unannounced(app.db.pool(), what, BATCH_SIZE).await?;
        if due.is_empty() {
            return Ok(());
        }
        let mut write = app.db.write().await?;
        for id in due {
            // False when another process was quicker, or the key has another expiry by now.
            if !store::mark_announced(&mut write, what, id).await? {
                continue;
            }
            let Some(key) = store::find_in_tx(&mut write, id).await? else { continue };
            let event = about(&key, Event::new(action));
            audit::announce(app, &mut write, &By::system().in_org(key.org), &event).await?;
        }
        write.commit().await?;
    }
}

/// Announces keys whose first accepted requests are counted in this transaction.
pub async fn announce_first_uses(app: &App, write: &mut Write, keys: &[KeyId]) -> Result<(), Error> {
    for id in keys {
        let Some(key) = store::find_in_tx(write, *id).await? else { continue };
        let event = about(&key, Event::new("key.first_used"));
        audit::announce(app, write, &By::system().in_org(key.org), &event).await?;
    }
    Ok(())
}
