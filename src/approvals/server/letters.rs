//! Letters about requests: to people who can decide one, and to its requester when it is decided.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::approvals::{ApprovalRequest, ApprovalState, approval_path};
use crate::platform::{App, FixedWindow, Letter, Posted};
use crate::shared::OrgId;
use crate::ui::parts::exact;

const HOUR: Duration = Duration::from_secs(60 * 60);
/// The maximum number of recipients whose last letter is remembered.
const MAX_RECIPIENTS: usize = 10_000;

/// When each recipient last got a letter about a new request of an organization.
#[derive(Default)]
pub struct ApprovalLetters(Mutex<HashMap<(OrgId, String), FixedWindow>>);

impl ApprovalLetters {
    /// Whether a letter may be sent: at most one an hour for each recipient and organization.
    fn admit(&self, org: OrgId, to: &str, now: Duration) -> bool {
        let mut sent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if sent.len() >= MAX_RECIPIENTS {
            sent.retain(|_, window| window.is_running(now));
        }
        if sent.len() >= MAX_RECIPIENTS {
            return false;
        }
        sent.entry((org, to.to_owned())).or_insert(FixedWindow::of(HOUR)).add(now) == 1
    }
}

/// Sends a letter about a new request, unless the recipient got one within the last hour.
pub fn filed(app: &App, to: &str, org: &str, request: &ApprovalRequest) {
    if !app.slice::<ApprovalLetters>().admit(request.org, to, app.clock.steady()) {
        return;
    }
    let letter = Letter::new(to, format!("A request in {org} needs your approval"))
        .paragraph(format!("{} requests: {}.", request.requester_name, request.title))
        .paragraph("A second person must approve it, and you can do that.")
        .link("See the request", format!("{}{}", app.public_url.origin(), approval_path(request.id)))
        .paragraph(format!("It expires on {} if nobody decides.", exact(request.expires_at)))
        .paragraph("You will not get another email about new requests within the next hour.");
    app.mail.post(&letter);
}

/// Says how a request was decided.
pub fn decided(app: &App, to: &str, org: &str, request: &ApprovalRequest) -> Posted {
    let is_denied = request.stored_state == ApprovalState::Denied;
    let verdict = if is_denied { "denied" } else { "approved" };
    let letter = Letter::new(to, format!("Your request in {org} was {verdict}"))
        .paragraph(format!("{} {verdict} your request: {}.", request.decided_by_name, request.title));
    let letter = match request.reason.as_str() {
        "" => letter,
        reason => letter.paragraph(format!("Reason: {reason}")),
    };
    let letter =
        letter.link("See the request", format!("{}{}", app.public_url.origin(), approval_path(request.id)));
    let letter = match request.stored_state {
        ApprovalState::Approved => letter.paragraph(format!(
            "You must complete the last step on that page by {}.",
            exact(request.expires_at)
        )),
        _ => letter,
    };
    app.mail.post(&letter)
}
