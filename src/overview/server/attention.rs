//! Keys that need attention: keys that were found in public, keys that have ended but are still used, and keys that expire soon,
//! are unused or never expire.

use crate::keys::server::{self as keys, Filter, Key, MAX_COUNTED, Order};
use crate::keys::{LeakOutcome, StatusFilter};
use crate::leaks::server as leaks;
use crate::orgs::server::Member;
use crate::platform::{App, Error};
use crate::shared::{Role, Timestamp};
use crate::ui::parts::{Shape, Tone, Wording, capped, counted, words};
use crate::usage::server as usage;
use std::time::Duration;

pub struct AttentionItem {
    pub tone: Tone,
    pub shape: Shape,
    pub title: String,
    /// Text with key names in bold.
    pub text: Vec<TextPart>,
    pub action: &'static str,
    pub href: String,
}

pub enum TextPart {
    Plain(String),
    Name(String),
    /// A time within a day.
    Clock(Timestamp),
}

pub struct Counts {
    pub active: i64,
    pub all: i64,
    pub rotating: i64,
    pub expiring: i64,
    /// Keys that expire within thirty days, but not within a week.
    ending: i64,
    idle: i64,
    /// Keys that never expire.
    endless: i64,
}

const HOME: &str = "/settings/api-keys";
/// The most leaked keys that are listed.
const MAX_LEAKED: i64 = 3;
/// The most keys that are listed although they have ended.
const MAX_ENDED: usize = 3;
/// The most keys with an old secret that are counted.
const MAX_OLD: i64 = 101;
/// The most keys that one item names.
const MAX_NAMED: usize = 3;

pub async fn counts(app: &App, member: &Member) -> Result<Counts, Error> {
    let filters = [
        StatusFilter::Active,
        StatusFilter::Rotating,
        StatusFilter::Expiring,
        StatusFilter::Ending,
        StatusFilter::Idle,
        StatusFilter::Endless,
    ];
    let filters: Vec<Option<StatusFilter>> = filters.into_iter().map(Some).chain([None]).collect();
    let found = keys::count(app, member, &filters).await?;
    let at = |index: usize| found.get(index).copied().unwrap_or(0);
    Ok(Counts {
        active: at(0),
        rotating: at(1),
        expiring: at(2),
        ending: at(3),
        idle: at(4),
        endless: at(5),
        all: at(6),
    })
}

fn capped_keys(count: i64, max: i64) -> String {
    if count == 1 { "1 key".to_owned() } else { format!("{} keys", capped(count, max - 1)) }
}

fn keys_of(count: i64) -> String {
    if count == 1 { "1 key".to_owned() } else { format!("{} keys", capped(count, MAX_COUNTED)) }
}

/// Appends the other items to `items`, which contains those of keys that have ended.
pub async fn items(
    app: &App,
    member: &Member,
    mut items: Vec<AttentionItem>,
    counts: &Counts,
) -> Result<Vec<AttentionItem>, Error> {
    let now = app.clock.now();
    let (expiring, ending, idle, endless) = tokio::try_join!(
        first_keys(app, member, counts.expiring, StatusFilter::Expiring, Order::Expires),
        first_keys(app, member, counts.ending, StatusFilter::Ending, Order::Expires),
        first_keys(app, member, counts.idle, StatusFilter::Idle, Order::LastUsed),
        first_keys(app, member, counts.endless, StatusFilter::Endless, Order::Created),
    )?;
    let plain = |text: &str| TextPart::Plain(text.to_owned());
    if counts.expiring > 0 {
        let text = named(&expiring, |key| end_of(key, now));
        let verb = if counts.expiring == 1 { "expires" } else { "expire" };
        items.push(AttentionItem {
            tone: Tone::Warn,
            shape: Shape::Expiring,
            title: format!("{} {verb} within 7 days", keys_of(counts.expiring)),
            text,
            action: "Review",
            href: format!("{HOME}?status=expiring&sort=expiring"),
        });
    }
    if counts.ending > 0 {
        let verb = if counts.ending == 1 { "expires" } else { "expire" };
        items.push(AttentionItem {
            tone: Tone::Plain,
            shape: Shape::Expiring,
            title: format!("{} {verb} within 30 days", keys_of(counts.ending)),
            text: named(&ending, |key| end_of(key, now)),
            action: "Review",
            href: format!("{HOME}?status=ending&sort=expiring"),
        });
    }
    if counts.idle > 0 {
        let mut text = named(&idle, |_| String::new());
        text.push(plain(" Disable the keys that nobody needs."));
        items.push(AttentionItem {
            tone: Tone::Warn,
            shape: Shape::Unused,
            title: format!("{} idle for 60 days or more", keys_of(counts.idle)),
            text,
            action: "Review",
            href: format!("{HOME}?status=idle"),
        });
    }
    if let Some(old) = keys::old_secrets(app, member, MAX_OLD).await?.filter(|old| !old.is_empty()) {
        let named = old.iter().take(MAX_NAMED).map(|old| old.name.clone()).collect::<Vec<_>>();
        let mut text: Vec<TextPart> = Vec::new();
        for (index, name) in named.iter().enumerate() {
            text.push(TextPart::Name(name.clone()));
            text.push(plain(if index + 1 == named.len() { "." } else { ", " }));
        }
        text.push(plain(" The key policy asks for a new secret."));
        let count = i64::try_from(old.len()).unwrap_or(i64::MAX);
        let has = if count == 1 { "has" } else { "have" };
        items.push(AttentionItem {
            tone: Tone::Warn,
            shape: Shape::Rotating,
            title: format!("{} {has} an old secret", capped_keys(count, MAX_OLD)),
            text,
            action: "Rotate",
            href: format!("{HOME}/{}", old[0].key),
        });
    }
    if counts.endless > 0 {
        let admin_key = endless.iter().find(|key| key.role >= Role::Admin);
        let text = match admin_key {
            Some(key) => vec![
                plain("One of them, "),
                TextPart::Name(key.name.clone()),
                TextPart::Plain(format!(", is {} key. Set an expiry for it.", key.role.with_article())),
            ],
            None => vec![plain("Set an expiry so a forgotten key stops working.")],
        };
        let verb = if counts.endless == 1 { "never expires" } else { "never expire" };
        items.push(AttentionItem {
            tone: Tone::Plain,
            shape: Shape::Active,
            title: format!("{} {verb}", keys_of(counts.endless)),
            text,
            action: "Review",
            href: format!("{HOME}?status=never-expires"),
        });
    }
    Ok(items)
}

/// Keys that were found in public within a week.
pub async fn leaked(app: &App, member: &Member) -> Result<Vec<AttentionItem>, Error> {
    let now = app.clock.now();
    let reports = leaks::recent(app, member, MAX_LEAKED).await?;
    let items = reports.into_iter().map(|report| {
        let (title, tone) = match report.outcome {
            Some(LeakOutcome::Revoked) => ("A key was found in public and revoked", Tone::Warn),
            Some(LeakOutcome::Disabled) => ("A key was found in public and disabled", Tone::Warn),
            Some(LeakOutcome::RotationFinished) => {
                ("An old secret was found in public and ended", Tone::Warn)
            }
            Some(LeakOutcome::Reported) | None => ("A key was found in public", Tone::Danger),
        };
        let when = words(report.at, now, Wording::Relative).to_lowercase();
        AttentionItem {
            tone,
            shape: Shape::Revoked,
            title: title.to_owned(),
            text: vec![TextPart::Name(report.key_name), TextPart::Plain(format!(", {when}."))],
            action: "See what to do",
            href: format!("{HOME}/{}", report.key),
        }
    });
    Ok(items.collect())
}

/// " in 3 days".
fn end_of(key: &Key, now: Timestamp) -> String {
    let end = key.expires_at.map(|at| words(at, now, Wording::Relative)).unwrap_or_default();
    format!(" {}", end.replacen("In", "in", 1))
}

/// Keys that have ended but are still used.
pub async fn ended_but_used(app: &App, member: &Member) -> Result<Vec<AttentionItem>, Error> {
    let now = app.clock.now();
    let day_ago = now.minus(Duration::from_secs(24 * 60 * 60));
    let used = usage::ended_but_used(app, member.org.org, day_ago, MAX_ENDED).await?;
    let mut items = Vec::new();
    for (id, requests) in used {
        let key = keys::find(app, member, id).await?;
        let callers = usage::callers_of(app, id, day_ago).await?;
        let mut text = vec![
            TextPart::Plain(format!("{} in 24 h with ", counted(requests, "call", "calls"))),
            TextPart::Name(key.name.clone()),
        ];
        if let Some(caller) = callers.iter().find(|caller| !caller.address.is_empty()) {
            let last = words(caller.last_at, now, Wording::Relative);
            text.push(TextPart::Plain(format!(
                " from {}, last one {}.",
                caller.address,
                last.to_lowercase()
            )));
        } else {
            text.push(TextPart::Plain(".".to_owned()));
        }
        let title = if key.revoked_at.is_some() {
            "A revoked key is still used"
        } else if key.expires_at.is_some_and(|end| end <= now) {
            "An expired key is still used"
        } else {
            "A replaced secret is still used"
        };
        items.push(AttentionItem {
            tone: Tone::Danger,
            shape: Shape::Revoked,
            title: title.to_owned(),
            text,
            action: "See callers",
            href: format!("{HOME}/{id}#callers"),
        });
    }
    Ok(items)
}

/// The first few keys in this state, if there are any.
async fn first_keys(
    app: &App,
    member: &Member,
    count: i64,
    status_filter: StatusFilter,
    order: Order,
) -> Result<Vec<Key>, Error> {
    if count == 0 {
        return Ok(Vec::new());
    }
    // Read more of the keys that never expire, to find an admin's or owner's key among them.
    let limit = if status_filter == StatusFilter::Endless { 50 } else { MAX_NAMED };
    let filter = Filter { status_filter: Some(status_filter), order, limit, ..Filter::default() };
    Ok(keys::list(app, member, &filter).await?.keys)
}

/// Names the first few keys, each with a detail: "**a** in 3 days, **b** in 6 days."
fn named(keys: &[Key], detail: impl Fn(&Key) -> String) -> Vec<TextPart> {
    let mut text = Vec::new();
    for (index, key) in keys.iter().take(MAX_NAMED).enumerate() {
        let end = if index + 1 == keys.len().min(MAX_NAMED) { "." } else { ", " };
        text.push(TextPart::Name(key.name.clone()));
        text.push(TextPart::Plain(format!("{}{end}", detail(key))));
    }
    text
}
