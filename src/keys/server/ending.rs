//! A week before a key ends, a letter says so to whoever made it, or to the owners when that person is no member any
//! more. Each expiry is told of once; what one round leaves over, the next one takes.

use std::time::Duration;

use super::{letters, store};
use crate::orgs::server::answerable;
use crate::platform::{App, Error};

const AHEAD: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// Few enough for the letters that may wait.
const AT_ONCE: u32 = 200;

pub async fn tell(app: &App) -> Result<(), Error> {
    if !app.mail.is_on() {
        return Ok(());
    }
    let now = app.clock.now();
    let mut write = app.db.write().await?;
    let least = i64::try_from(AHEAD.as_millis()).expect("a week in milliseconds");
    let ending = store::ending(&mut write, now, now.plus(AHEAD), least, AT_ONCE).await?;
    let mut told = Vec::new();
    for key in ending {
        store::note_told(&mut write, &key).await?;
        let whom = answerable(&mut write, &key.org, &key.creator).await?;
        told.push((key, whom));
    }
    write.commit().await?;
    for (key, whom) in &told {
        for to in whom {
            letters::expiring(app, to, key);
        }
    }
    Ok(())
}
