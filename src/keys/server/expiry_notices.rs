//! A week before a key expires, a letter goes to its creator, or to the organization's owners if the creator is no longer a
//! member. Each expiry is announced once. Keys beyond the limit of one round are announced in the next round.

use std::time::Duration;

use super::{letters, store};
use crate::orgs::server::responsible_emails;
use crate::platform::{App, Error};

const AHEAD: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// The most keys of one round, so that their letters fit the mail queue.
const MAX_KEYS: u32 = 200;

pub async fn send(app: &App) -> Result<(), Error> {
    if !app.mail.is_on() {
        return Ok(());
    }
    let now = app.clock.now();
    let mut write = app.db.write().await?;
    let min_lifetime = i64::try_from(AHEAD.as_millis()).expect("a week in milliseconds");
    let expiring = store::expiring_keys(&mut write, now, now.plus(AHEAD), min_lifetime, MAX_KEYS).await?;
    let mut notices = Vec::new();
    for key in expiring {
        store::mark_notified(&mut write, &key).await?;
        let recipients = responsible_emails(&mut write, key.org, key.creator).await?;
        notices.push((key, recipients));
    }
    write.commit().await?;
    for (key, recipients) in &notices {
        for to in recipients {
            letters::expiring(app, to, key);
        }
    }
    Ok(())
}
