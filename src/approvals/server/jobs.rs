//! Marks expired requests.

use super::store;
use crate::audit::{self, By, Event};
use crate::platform::{App, Error};

/// The maximum number of requests in one transaction.
const BATCH_SIZE: i64 = 100;

pub async fn expire(app: &App) -> Result<(), Error> {
    loop {
        let now = app.clock.now();
        let due = store::find_expired(app.db.pool(), now, BATCH_SIZE).await?;
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
