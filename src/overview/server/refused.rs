//! Refusals that need attention: a plan that refuses every key, floods of wrong secrets, and addresses that a key does not allow.

use std::time::Duration;

use super::attention::{AttentionItem, TextPart};
use crate::keys::server as keys;
use crate::orgs::server::{self as orgs, Member};
use crate::platform::{App, Error};
use crate::shared::{Permission, Timestamp};
use crate::ui::parts::{Shape, Tone, counted};
use crate::usage::Outcome;
use crate::usage::server::{self as usage, RefusedKey};

/// Reads one row for each of at most six keys.
pub async fn refused_keys(app: &App, member: &Member) -> Result<Vec<AttentionItem>, Error> {
    let now = app.clock.now();
    let refused = keys::refused_keys(app, member).await?;
    Ok(refused.into_iter().map(|(refused, name)| item(&refused, name, now)).collect())
}

fn item(refused: &RefusedKey, name: String, now: Timestamp) -> AttentionItem {
    let count = u64::try_from(refused.requests).unwrap_or(0);
    let plain = |text: String| TextPart::Plain(text);
    let page = format!("/settings/api-keys/{}", refused.key);
    if refused.outcome == Outcome::Unknown {
        let tries = counted(count, "try", "tries");
        return AttentionItem {
            tone: Tone::Danger,
            shape: Shape::Flood,
            title: "Many wrong secrets for a key".to_owned(),
            text: vec![
                plain(format!("{tries} with ")),
                TextPart::Name(name),
                plain(" since ".to_owned()),
                TextPart::Clock(usage::flood_start(now)),
                plain(". Requests with the right secret are not affected.".to_owned()),
            ],
            action: "See tries",
            href: format!("{page}/refusals?reason={}", Outcome::Unknown.as_str()),
        };
    }
    AttentionItem {
        tone: Tone::Danger,
        shape: Shape::Address,
        title: "A key was called from an address that it does not allow".to_owned(),
        text: vec![
            plain(format!("{} in 24 h with ", counted(count, "request", "requests"))),
            TextPart::Name(name),
            plain(".".to_owned()),
        ],
        action: "Review",
        href: format!("{page}#callers"),
    }
}

/// The item of a plan that does not include the API, if requests were refused for it. `hours` are those of the organization
/// of at least the last day; the plan is read only if they contain such refusals.
pub async fn refusing_plan(
    app: &App,
    member: &Member,
    hours: &[(i64, Outcome, i64)],
) -> Result<Option<AttentionItem>, Error> {
    let day_ago = app.clock.now().minus(Duration::from_secs(24 * 60 * 60)).millis().div_euclid(3_600_000);
    let refused =
        hours.iter().filter(|(hour, outcome, _)| *hour >= day_ago && *outcome == Outcome::PlanNotEligible);
    let refused: i64 = refused.map(|(.., requests)| requests).sum();
    if refused == 0 {
        return Ok(None);
    }
    let Some((_, plan)) = orgs::find(app, member.org.org).await? else { return Ok(None) };
    if app.config.keys.api_plans.contains(&plan) {
        return Ok(None);
    }
    let count = counted(u64::try_from(refused).unwrap_or(0), "request was", "requests were");
    let who = if member.may(Permission::ManageOrganization) { "You" } else { "An owner" };
    Ok(Some(AttentionItem {
        tone: Tone::Danger,
        shape: Shape::Locked,
        title: format!("The {} plan stops every key", plan.label()),
        text: vec![TextPart::Plain(format!(
            "It does not include the API. {count} refused in 24 h. {who} can change the plan."
        ))],
        action: "See plan",
        href: "/settings/organization".to_owned(),
    }))
}
