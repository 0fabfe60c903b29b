//! Letters about leaked keys, to the owners of the organization and to the creator of the key. They are always sent.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::store::{self, LeakReport};
use crate::keys::LeakOutcome;
use crate::keys::server as keys;
use crate::orgs::server::{self as orgs, emails_of_owners_and};
use crate::platform::{App, Error, Letter, Posted};
use crate::shared::{OrgId, UserId};
use crate::ui::parts::{counted, exact, grouped};

/// The maximum number of organizations in one round.
const MAX_ORGS: i64 = 100;
/// The maximum number of reports whose creators get a letter. The owners' letter counts the others.
const MAX_REPORTS: i64 = 1_000;
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
    for org in store::orgs_to_mail(app.db.pool(), now.minus(MAX_AGE), now.minus(HOUR), MAX_ORGS).await? {
        send_to(app, org).await?;
    }
    Ok(())
}

async fn send_to(app: &App, org: OrgId) -> Result<(), Error> {
    let now = app.clock.now();
    let mut write = app.db.write().await?;
    let total = store::set_mailed(&mut write, org, now.minus(MAX_AGE), now).await?;
    let reports = store::mailed_at(&mut write, org, now, MAX_REPORTS).await?;
    write.commit().await?;
    if total == 0 {
        return Ok(());
    }
    let creators: BTreeSet<UserId> = reports.iter().map(|report| report.creator).collect();
    let mut letters: BTreeMap<String, Vec<LeakReport>> = BTreeMap::new();
    for creator in creators {
        let of_creator: Vec<_> = reports.iter().filter(|report| report.creator == creator).collect();
        for email in emails_of_owners_and(app.db.pool(), org, creator).await? {
            letters.entry(email).or_default().extend(of_creator.iter().copied().cloned());
        }
    }
    let mut is_queued = false;
    for (email, mut about) in letters {
        // An owner gets the letter about all reports.
        let count = if about.len() == reports.len() { total } else { about.len() as u64 };
        about.sort_by_key(|report| reports.iter().position(|other| other.id == report.id));
        is_queued |= app.mail.post(&letter(app, org, &email, &about, count).await?) == Posted::Queued;
    }
    if !is_queued {
        let mut write = app.db.write().await?;
        store::set_not_mailed(&mut write, org, now).await?;
        write.commit().await?;
    }
    Ok(())
}

/// `count` is the number of reports. `reports` are the most important ones.
async fn letter(
    app: &App,
    org: OrgId,
    to: &str,
    reports: &[LeakReport],
    count: u64,
) -> Result<Letter, Error> {
    let org_name = orgs::find(app, org).await?.map(|(name, _)| name).unwrap_or_default();
    let subject = match reports {
        [report] => format!("The key {} of {org_name} was found in public", report.key_name),
        _ => format!("{} API keys of {org_name} were found in public", grouped(count)),
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
    if let Some(more) = count.checked_sub(MAX_NAMED as u64).filter(|more| *more > 0) {
        letter = letter.paragraph(format!("And {}.", counted(more, "more key", "more keys")));
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
    .paragraph("Reports of the next hour come together in one email. The pages of the keys show them at once."))
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
        Some(LeakOutcome::Revoked) => format!("It was revoked on {at}: every request with it is refused."),
        Some(LeakOutcome::Disabled) => {
            format!("It was disabled on {at}: every request with it is refused until somebody enables it.")
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
