//! Letters about keys.

use super::store::ExpiringKey;
use crate::platform::{App, Letter, Posted};
use crate::ui::parts::exact;

/// Announces that a key expires within a week, to somebody who may extend it.
pub fn expiring(app: &App, to: &str, expiring: &ExpiringKey) -> Posted {
    let ExpiringKey { key, name, org_name, expires_at, by_login, .. } = expiring;
    let next = match by_login {
        true => "If it is still needed, log in again from that device: the new login takes its place.",
        false => "If it is still needed, give it a later expiry there. If not, nothing has to be done.",
    };
    let letter = Letter::new(to, format!("The key {name} of {org_name} expires soon"))
        .paragraph(format!("The API key {name} of {org_name} expires on {}.", exact(*expires_at)))
        .paragraph("From then on every call with it is refused.")
        .link("See the key", format!("{}/settings/api-keys/{key}", app.public_url.origin()))
        .paragraph(next);
    app.mail.post(&letter)
}
