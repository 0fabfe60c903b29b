//! Marks requests whose time is over.

use super::store;
use crate::audit::{self, By, Event};
use crate::platform::{App, Error};

/// The most requests of one transaction.
const PORTION: i64 = 100;

pub async fn expire(app: &App) -> Result<(), Error> {
    loop {
        let now = app.clock.now();
        let due = store::to_expire(app.db.pool(), now, PORTION).await?;
        if due.is_empty() {
            return Ok(());
        }
        let mut write = app.db.write().await?;
        for request in due {
            if !store::set_expired(&mut write, request.id, now).await? {
                continue;
            }
            let event = Event::new("approval.expired").on("approval", request.id, &request.title);
            let event = event.detail("kind", request.kind.clone());
            audit::record(app, &mut write, &By::system().in_org(request.org), event).await?;
        }
        write.commit().await?;
    }
}
