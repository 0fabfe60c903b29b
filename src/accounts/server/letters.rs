//! The emails of accounts. Each says who sent it, why, and what to do if the recipient did not expect it.

use super::service::Person;
use crate::platform::{App, Letter, Posted};
use crate::shared::Timestamp;
use crate::ui::parts::exact;

/// Sent to a new address to confirm it with a link.
pub fn confirm(app: &App, to: &str, link: &str) -> Posted {
    let host = app.public_url.authority();
    let letter = Letter::new(to, format!("Confirm your address for {host}"))
        .paragraph(format!("Someone, probably you, asked for an account on {host} with this address."))
        .link("Create the account", link)
        .paragraph(
            "The link works once, within a day. If it was not you, ignore this email: no account is created.",
        );
    app.mail.post(&letter)
}

/// Sent when somebody signs up with an address that has an account.
pub fn has_account(app: &App, to: &str) -> Posted {
    let host = app.public_url.authority();
    let letter = Letter::new(to, format!("You have an account on {host}"))
        .paragraph(format!(
            "Someone, probably you, tried to sign up on {host} with this address, which already has an account."
        ))
        .link("Sign in", format!("{}/sign-in", app.public_url.origin()))
        .paragraph("If you forgot your password, you can reset it on the sign-in page.");
    app.mail.post(&letter)
}

/// Sent to reset a forgotten password.
pub fn reset(app: &App, to: &str, link: &str) -> Posted {
    let host = app.public_url.authority();
    let letter = Letter::new(to, format!("Set a new password for {host}"))
        .paragraph(format!(
            "Someone, probably you, asked for a new password for the account with this address on {host}."
        ))
        .link("Set a new password", link)
        .paragraph("The link works once, within an hour. If it was not you, ignore this email: the password stays as it is.");
    app.mail.post(&letter)
}

/// Notifies the person that a sign-in method was added.
pub fn method_added(app: &App, person: &Person, provider: &str, label: &str) -> Posted {
    let host = app.public_url.authority();
    let letter = Letter::new(&person.email, format!("New sign-in method on {host}: {provider}"))
        .paragraph(format!("You can now sign in to your account on {host} as {label} at {provider}."))
        .link("See your sign-in methods", profile(app))
        .paragraph("If it was not you, remove it there and change your password.");
    app.mail.post(&letter)
}

/// Notifies the person that a tool was logged in. `kind` is "command-line" or "MCP".
pub fn login(
    app: &App,
    to: &str,
    kind: &str,
    tool: &str,
    organization: &str,
    address: &str,
    at: Timestamp,
) -> Posted {
    let host = app.public_url.authority();
    let letter = Letter::new(to, format!("New {kind} login on {host}"))
        .paragraph(format!("{tool} was logged in to {organization} with your account on {host}."))
        .paragraph(format!("From {address}, {}.", exact(at)))
        .link("See your devices", profile(app))
        .paragraph("If it was not you, revoke its key, sign out everywhere and change your password.");
    app.mail.post(&letter)
}

fn profile(app: &App) -> String {
    format!("{}/settings/profile", app.public_url.origin())
}
