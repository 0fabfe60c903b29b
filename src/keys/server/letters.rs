//! Letters about keys.

use std::time::Duration;

use super::store::{OldSecret, RemindedKey};
use crate::platform::{App, Letter, Posted};
use crate::shared::{KeyId, Timestamp};
use crate::ui::parts::{counted, day, exact};

/// The maximum number of keys that a letter lists.
const MAX_NAMED: usize = 50;

/// The letter that reminds somebody of keys that expire soon and of unused keys. None if there are no such keys.
pub fn reminder(app: &App, to: &str, expiring: &[RemindedKey], idle: &[RemindedKey]) -> Option<Letter> {
    let home = format!("{}/settings/api-keys", app.public_url.origin());
    let subject = match (expiring, idle) {
        ([], []) => return None,
        ([key], []) => format!("The key {} of {} expires soon", key.name, key.org_name),
        ([], [key]) => format!("The key {} of {} is not used", key.name, key.org_name),
        (_, []) => format!("{} API keys expire soon", expiring.len()),
        ([], _) => format!("{} API keys are not used", idle.len()),
        (_, _) => format!("{} API keys expire soon or are not used", expiring.len() + idle.len()),
    };
    let mut letter = Letter::new(to, subject);
    if !expiring.is_empty() {
        for key in expiring.iter().take(MAX_NAMED) {
            let end = exact(key.expires_at.unwrap_or(Timestamp::from_millis(0)));
            letter =
                letter.paragraph(format!("The API key {} of {} expires on {end}.", key.name, key.org_name));
        }
        letter = and_more(letter, expiring.len());
        letter = letter.paragraph("Requests with an expired key are refused.");
    }
    if !idle.is_empty() {
        for key in idle.iter().take(MAX_NAMED) {
            letter = letter.paragraph(format!(
                "The API key {} of {} has not been used since {}.",
                key.name,
                key.org_name,
                day(key.unused_since)
            ));
        }
        letter = and_more(letter, idle.len());
    }
    letter = match [expiring, idle].concat().as_slice() {
        [key] => letter.link("See the key", format!("{home}/{}", key.key)),
        _ => letter.link("See the keys", home),
    };
    if !expiring.is_empty() {
        let next =
            "To keep using a key, give it a later expiry there. Otherwise you do not need to do anything.";
        letter = letter.paragraph(next);
    }
    if !idle.is_empty() {
        letter = letter.paragraph("Disable or revoke keys that nobody needs any more.");
    }
    let profile = format!("{}/settings/profile", app.public_url.origin());
    Some(letter.paragraph(format!("Choose which of these emails you get on your profile: {profile}")))
}

fn and_more(letter: Letter, all: usize) -> Letter {
    match all.saturating_sub(MAX_NAMED) {
        0 => letter,
        more => letter.paragraph(format!("And {}.", counted(more as u64, "more key", "more keys"))),
    }
}

/// Says that keys were disabled because nobody used them.
pub fn idle(app: &App, to: &str, org: &str, keys: &[(KeyId, String)], time: Duration) -> Posted {
    let days = time.as_secs() / (24 * 60 * 60);
    let subject = match keys {
        [(_, name)] => format!("The key {name} of {org} was disabled"),
        _ => format!("{} API keys of {org} were disabled", keys.len()),
    };
    let mut letter = Letter::new(to, subject);
    for (_, name) in keys.iter().take(MAX_NAMED) {
        letter = letter.paragraph(format!("Nobody has used the API key {name} of {org} for {days} days."));
    }
    letter = and_more(letter, keys.len()).paragraph(
        "The organization's key policy disables such keys. Requests with them are refused until they are enabled.",
    );
    let home = format!("{}/settings/api-keys", app.public_url.origin());
    letter = match keys {
        [(key, _)] => letter.link("See the key", format!("{home}/{key}")),
        _ => letter.link("See the keys", format!("{home}?status=disabled")),
    };
    app.mail
        .post(&letter.paragraph("Enable there what is still needed. For the others nothing has to be done."))
}

/// Asks for a rotation of an old secret.
pub fn old_secret(app: &App, to: &str, org: &str, old: &OldSecret) -> Posted {
    let letter = Letter::new(to, format!("The key {} of {org} should be rotated", old.name))
        .paragraph(format!(
            "The secret of the API key {} of {org} was created on {}.",
            old.name,
            exact(old.created_at)
        ))
        .paragraph("The organization's key policy asks you to rotate secrets that are this old. The key keeps working.")
        .link("Rotate the key", format!("{}/settings/api-keys/{}/rotate", app.public_url.origin(), old.key));
    app.mail.post(&letter)
}
