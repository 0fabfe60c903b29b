//! The emails of organizations.

use crate::platform::{App, Letter, Posted};

/// Sends an invitation. The caller also displays the link, because without a mail server it must be passed on by hand.
pub fn invitation(app: &App, to: &str, org: &str, inviter: &str, link: &str) -> Posted {
    let host = app.public_url.authority();
    let letter = Letter::new(to, format!("{inviter} invites you to {org}"))
        .paragraph(format!("{inviter} invites you to {org} on {host}, where its API keys are managed."))
        .link(format!("Join {org}"), link)
        .paragraph("The link works once. If you do not know why you got it, ignore this email.");
    app.mail.post(&letter)
}
