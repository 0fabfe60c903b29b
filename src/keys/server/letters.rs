//! The letters of keys.

use super::store::Ending;
use crate::platform::{App, Letter, Posted};
use crate::ui::parts::exact;

/// A key ends within a week, and somebody who may do something about it should know.
pub fn expiring(app: &App, to: &str, ending: &Ending) -> Posted {
    let Ending { key, name, org_name, expires_at, by_login, .. } = ending;
    let next = match by_login {
        true => "If it is still needed, log in again from that device: the new login takes its place.",
        false => "If it is still needed, give it a later expiry there. If not, nothing has to be done.",
    };
    let letter = Letter::new(to, format!("The key {name} of {org_name} expires soon"))
        .say(format!("The API key {name} of {org_name} expires on {}.", exact(*expires_at)))
        .say("From then on every call with it is refused.")
        .link("See the key", format!("{}/settings/api-keys/{key}", app.public_url.origin()))
        .say(next);
    app.mail.post(&letter)
}
