//! Removes the secrets that renewals of logins leave behind, one for each hour of use.

use std::time::Duration;

use super::store;
use crate::platform::changes::{self, ChangeKind};
use crate::platform::{App, Error};

/// How long a secret of a login is known after its end.
const ENDED_SECRET_LIFE: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Ends replaced secrets whose time is over (checks already refuse them), and deletes those that ended long ago. Nothing of this is
/// audited, as no renewal is.
pub async fn sweep_renewed_secrets(app: &App) -> Result<(), Error> {
    let now = app.clock.now();
    loop {
        let mut write = app.db.write().await?;
        let ended = store::ended_renewals(&mut write, now).await?;
        for (key, secret, until) in &ended {
            store::end_secret(&mut write, *secret, *until).await?;
            store::clear_renewed(&mut write, *key, *secret).await?;
            changes::record(&mut write, now, ChangeKind::Key, key).await?;
        }
        store::delete_ended_login_secrets(&mut write, now.minus(ENDED_SECRET_LIFE)).await?;
        write.commit().await?;
        if ended.is_empty() {
            return Ok(());
        }
    }
}
