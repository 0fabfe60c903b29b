//! Letters about leaked keys, to the owners of the organization and to the creator of the key. They are always sent.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::store::{self, LeakReport};
use crate::keys::LeakOutcome;
use crate::keys::server as keys;
use crate::orgs::server::{self as orgs, emails_of_owners_and};
use crate::platform::{App, Error, Letter, Posted};
use crate::shared::{LeakReportId, OrgId};
use crate::ui::parts::{counted, exact};

/// The maximum number of reports in one transaction.
const BATCH_SIZE: i64 = 200;
/// Reports that are older than this are no longer mailed.
const MAX_AGE: Duration = Duration::from_secs(2 * 24 * 60 * 60);
/// An organization gets letters once in this time. What is reported meanwhile is in the next ones.
const HOUR: Duration = Duration::from_secs(60 * 60);
/// The most characters of a text of the reporter.
const MAX_SHOWN: usize = 100;
/// The maximum number of keys that a letter lists, and of keys listed as created by each of them.
const MAX_NAMED: usize = 50;

/// Sends each person one letter about the reports since the last one, at most once an hour. Of several processes, one sends it.
pub async fn send(app: &App) -> Result<(), Error> {
    if !app.mail.is_on() {
        return Ok(());
    }
    let now = app.clock.now();
    let due = store::find_unmailed(app.db.pool(), now.minus(MAX_AGE), now.minus(HOUR), BATCH_SIZE).await?;
    if due.is_empty() {
        return Ok(());
    }
    let mut claimed = Vec::new();
    let mut write = app.db.write().await?;
    for report in due {
        if store::set_mailed(&mut write, report.id, now).await? {
            claimed.push(report);
        }
    }
    write.commit().await?;
    let mut letters: BTreeMap<(OrgId, String), Vec<LeakReport>> = BTreeMap::new();
    for report in &claimed {
        for email in emails_of_owners_and(app.db.pool(), report.org, report.creator).await? {
            letters.entry((report.org, email)).or_default().push(report.clone());
        }
    }
    let (mut sent, mut refused) = (BTreeSet::new(), BTreeSet::new());
    for ((org, email), reports) in &letters {
        let posted = app.mail.post(&letter(app, *org, email, reports).await?);
        let ids = reports.iter().map(|report| report.id);
        if posted == Posted::Queued { sent.extend(ids) } else { refused.extend(ids) }
    }
    let unsent: Vec<LeakReportId> = refused.difference(&sent).copied().collect();
    if unsent.is_empty() {
        return Ok(());
    }
    let mut write = app.db.write().await?;
    for id in unsent {
        store::set_not_mailed(&mut write, id).await?;
    }
    write.commit().await?;
    Ok(())
}

async fn letter(app: &App, org: OrgId, to: &str, reports: &[LeakReport]) -> Result<Letter, Error> {
    let org_name = orgs::find(app, org).await?.map(|(name, _)| name).unwrap_or_default();
    let subject = match reports {
        [report] => format!("The key {} of {org_name} was found in public", report.key_name),
        _ => format!("{} API keys of {org_name} were found in public", reports.len()),
    };
    let mut letter = Letter::new(to, subject);
    for report in reports.iter().take(MAX_NAMED) {
        letter = letter.paragraph(finding(report)).paragraph(outcome(report));
        let children = keys::created_by(app, report.key).await?;
        if !children.is_empty() {
            let named = children.iter().take(MAX_NAMED).cloned().collect::<Vec<_>>().join(", ");
            letter = letter.paragraph(format!(
                "It created {}: {named}. Nothing was done to these. Revoke those that you do not recognize.",
                counted(children.len() as u64, "key", "keys")
            ));
        }
    }
    if let Some(more) = reports.len().checked_sub(MAX_NAMED).filter(|more| *more > 0) {
        letter = letter.paragraph(format!("And {}.", counted(more as u64, "more key", "more keys")));
    }
    let home = format!("{}/settings/api-keys", app.public_url.origin());
    letter = match reports {
        [report] => letter.link("See the key", format!("{home}/{}", report.key)),
        _ => letter.link("See the keys", format!("{home}?status=leaked")),
    };
    Ok(letter.paragraph(
        "Check there who used the key, create a replacement if it is still needed, and remove the secret from the place \
         where it was found.",
    )
    .paragraph("Reports of the next hour come together in one letter. The pages of the keys show them at once."))
}

/// Cuts a long text of the reporter. The page of the key has all of it.
fn cut(text: &str) -> String {
    match text.char_indices().nth(MAX_SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn finding(report: &LeakReport) -> String {
    let place = if report.url.is_empty() { String::new() } else { format!(" at {}", cut(&report.url)) };
    let LeakReport { key_name, prefix, .. } = report;
    format!(
        "The API key {key_name} ({prefix}) was found in public{place}. Reported by: {}.",
        LeakReport { source: cut(&report.source), ..report.clone() }.reporter()
    )
}

fn outcome(report: &LeakReport) -> String {
    let at = exact(report.at);
    match report.outcome {
        Some(LeakOutcome::Revoked) => format!("It was revoked on {at}: every call with it is refused."),
        Some(LeakOutcome::Disabled) => {
            format!("It was disabled on {at}: every call with it is refused until somebody enables it.")
        }
        Some(LeakOutcome::RotationFinished) => {
            format!(
                "The secret that was found was the old one of a rotation, and stopped working on {at}. The new secret works."
            )
        }
        Some(LeakOutcome::Reported) | None => {
            "It still works, because your organization chose to only report leaked keys. Rotate or revoke it."
                .to_owned()
        }
    }
}
