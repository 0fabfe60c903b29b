//! The letters of organizations.

use crate::platform::{App, Letter, Posted};

/// An invitation. Who posts it shows the link as well: without a mail server it is handed over by hand.
pub fn invitation(app: &App, to: &str, org: &str, inviter: &str, link: &str) -> Posted {
    let host = app.public_url.authority();
    let letter = Letter::new(to, format!("{inviter} invites you to {org}"))
        .paragraph(format!("{inviter} invites you to {org} on {host}, where its API keys are managed."))
        .link(format!("Join {org}"), link)
        .paragraph("The link works once. If you do not know why you got it, do nothing.");
    app.mail.post(&letter)
}
