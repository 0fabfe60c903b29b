//! The letters of keys.

use crate::platform::{App, Letter, Posted};
use crate::shared::{KeyId, Timestamp};
use crate::ui::parts::exact;

/// A key ends within a week, and somebody who may do something about it should know.
pub fn expiring(app: &App, to: &str, org: &str, key: &KeyId, name: &str, expires: Timestamp) -> Posted {
    let letter = Letter::new(to, format!("The key {name} of {org} expires soon"))
        .say(format!("The API key {name} of {org} expires on {}.", exact(expires)))
        .say("From then on every call with it is refused.")
        .link("See the key", format!("{}/settings/api-keys/{key}", app.public_url.origin()))
        .say("If it is still needed, give it a later expiry there. If not, nothing has to be done.");
    app.mail.post(&letter)
}
