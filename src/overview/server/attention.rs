//! Keys that need attention: ended ones that are still used, ones that expire soon, unused ones, ones that never
//! expire.

use crate::keys::Standing;
use crate::keys::server::{self as keys, Filter, Key, MOST_COUNTED, Order};
use crate::orgs::server::Member;
use crate::platform::{App, Error};
use crate::shared::Role;
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
}

pub struct Counts {
    pub active: i64,
    pub all: i64,
    pub rotating: i64,
    pub expiring: i64,
    idle: i64,
    endless: i64,
}

const HOME: &str = "/settings/api-keys";
/// The most ended keys that are listed one by one.
const MOST_DEAD: usize = 3;
const NAMED: usize = 3;

pub async fn counts(app: &App, member: &Member) -> Result<Counts, Error> {
    let asked = [Standing::Active, Standing::Rotating, Standing::Expiring, Standing::Idle, Standing::Endless];
    let asked: Vec<Option<Standing>> = asked.into_iter().map(Some).chain([None]).collect();
    let found = keys::count(app, member, &asked).await?;
    let at = |place: usize| found.get(place).copied().unwrap_or(0);
    Ok(Counts { active: at(0), rotating: at(1), expiring: at(2), idle: at(3), endless: at(4), all: at(5) })
}

fn keys_of(count: i64) -> String {
    if count == 1 { "1 key".to_owned() } else { format!("{} keys", capped(count, MOST_COUNTED)) }
}

/// `items` contains the items of ended keys, which come first.
pub async fn items(
    app: &App,
    member: &Member,
    mut items: Vec<AttentionItem>,
    counts: &Counts,
) -> Result<Vec<AttentionItem>, Error> {
    let now = app.clock.now();
    let (expiring, idle, endless) = tokio::try_join!(
        some(app, member, counts.expiring, Standing::Expiring, Order::Expires),
        some(app, member, counts.idle, Standing::Idle, Order::LastUsed),
        some(app, member, counts.endless, Standing::Endless, Order::Created),
    )?;
    let plain = |text: &str| TextPart::Plain(text.to_owned());
    if counts.expiring > 0 {
        let text = named(&expiring, |key| {
            let end = key.expires_at.map(|at| words(at, now, Wording::Relative)).unwrap_or_default();
            format!(" {}", end.replacen("In", "in", 1))
        });
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
    if counts.idle > 0 {
        let mut text = named(&idle, |_| String::new());
        text.push(plain(" Disable what nobody misses."));
        items.push(AttentionItem {
            tone: Tone::Warn,
            shape: Shape::Unused,
            title: format!("{} idle for 90 days or more", keys_of(counts.idle)),
            text,
            action: "Review",
            href: format!("{HOME}?status=idle"),
        });
    }
    if counts.endless > 0 {
        let mighty = endless.iter().find(|key| key.role >= Role::Admin);
        let text = match mighty {
            Some(key) => vec![
                plain("One of them, "),
                TextPart::Name(key.name.clone()),
                TextPart::Plain(format!(", is {} key. Give it an end date.", key.role.with_article())),
            ],
            None => vec![plain("A key with an end is forgotten safely.")],
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

/// Ended keys that are still used.
pub async fn dead(app: &App, member: &Member) -> Result<Vec<AttentionItem>, Error> {
    let now = app.clock.now();
    let day_ago = now.minus(Duration::from_secs(24 * 60 * 60));
    let tried = usage::ended_but_used(app, member.org.org, day_ago, MOST_DEAD).await?;
    let mut items = Vec::new();
    for (id, requests) in tried {
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
            "A revoked key is still tried"
        } else if key.expires_at.is_some_and(|end| end <= now) {
            "An expired key is still tried"
        } else {
            "An ended secret is still tried"
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
async fn some(
    app: &App,
    member: &Member,
    count: i64,
    standing: Standing,
    order: Order,
) -> Result<Vec<Key>, Error> {
    if count == 0 {
        return Ok(Vec::new());
    }
    // Enough to find one of a high role among those that never end.
    let limit = if standing == Standing::Endless { 50 } else { NAMED };
    let filter = Filter { standing: Some(standing), order, limit, ..Filter::default() };
    Ok(keys::list(app, member, &filter).await?.keys)
}

/// "**a** in 3 days, **b** in 6 days."
fn named(some: &[Key], more: impl Fn(&Key) -> String) -> Vec<TextPart> {
    let mut text = Vec::new();
    for (place, key) in some.iter().take(NAMED).enumerate() {
        let end = if place + 1 == some.len().min(NAMED) { "." } else { ", " };
        text.push(TextPart::Name(key.name.clone()));
        text.push(TextPart::Plain(format!("{}{end}", more(key))));
    }
    text
}
