//! Finds what a text names, in the organization of the member and as far as the member may see it.

use super::destinations;
use super::rows::{RowLead, SearchGroup, SearchRow};
use crate::keys::Status;
use crate::keys::server::{self as keys, Filter, Key, Order};
use crate::orgs::server::{Member, search_members};
use crate::platform::{App, Error};
use crate::shared::{Permission, contains_token};
use crate::ui::parts::Symbol;

/// Rows of each group.
const MAX_ROWS: usize = 8;
const KEYS: &str = "/settings/api-keys";

/// The groups that have a row. Without a text, they are what can be opened and done.
pub async fn search(app: &App, member: &Member, text: &str) -> Result<Vec<SearchGroup>, Error> {
    member.require(Permission::See)?;
    let text: String = text.trim().chars().filter(|c| !c.is_control()).collect();
    let text = text.as_str();
    if contains_token(text) {
        return Ok(Vec::new());
    }
    let (mut found, mut members) = (Vec::new(), Vec::new());
    if !text.is_empty() {
        let mut filter =
            Filter { order: Order::LastUsed, descending: true, limit: MAX_ROWS, ..Filter::default() };
        filter.search(text);
        found = keys::list(app, member, &filter).await?.keys;
        members = search_members(app, member, text, MAX_ROWS).await?;
    }
    let now = app.clock.now();
    let key_rows = found.iter().map(|key| SearchRow {
        href: format!("{KEYS}/{}", key.id),
        lead: RowLead::Key(key.secret.to_string(), key.kind, key.status(now).is_active()),
        text: key.name.clone(),
        note: note(key, key.status(now)),
    });
    let member_rows = members.into_iter().map(|listed| SearchRow {
        href: format!("/settings/members?{}", encoded("q", &listed.email)),
        lead: RowLead::Symbol(Symbol::User),
        text: listed.name,
        note: format!("{}, {}", listed.email, listed.role.as_str()),
    });
    let mut actions = match found.first() {
        Some(key) => key_actions(app, member, key).await?,
        None => Vec::new(),
    };
    actions.extend(destinations::actions(member, text));
    let groups = [
        SearchGroup { name: "Keys", rows: key_rows.collect() },
        SearchGroup { name: "Members", rows: member_rows.collect() },
        SearchGroup { name: "Actions", rows: actions },
        SearchGroup { name: "Pages", rows: destinations::pages(member, text) },
    ];
    let limited = groups.into_iter().map(|mut group| {
        group.rows.truncate(MAX_ROWS);
        group
    });
    Ok(limited.filter(|group| !group.rows.is_empty()).collect())
}

fn note(key: &Key, status: Status) -> String {
    let start = format!("{}_{}…", key.kind.prefix(), key.secret);
    if status == Status::Active { start } else { format!("{start} {}", status.as_str()) }
}

/// What the member may do with the key that was found first.
async fn key_actions(app: &App, member: &Member, key: &Key) -> Result<Vec<SearchRow>, Error> {
    if key.revoked_at.is_some() || !keys::may_manage(member, key) {
        return Ok(Vec::new());
    }
    let rules = keys::policy_rules(app, member.org.org).await?;
    let may_rotate = keys::may_rotate(member, key, &rules) && key.status(app.clock.now()) != Status::Expired;
    let action = |verb: &str, path: &str, symbol: Symbol| SearchRow {
        href: format!("{KEYS}/{}/{path}", key.id),
        lead: RowLead::Symbol(symbol),
        text: format!("{verb} {}…", key.name),
        note: String::new(),
    };
    let rotate = may_rotate.then(|| action("Rotate", "rotate", Symbol::Rotate));
    let others = [action("Edit", "edit", Symbol::Edit), action("Revoke", "revoke", Symbol::Ban)];
    Ok(rotate.into_iter().chain(others).collect())
}

fn encoded(name: &str, value: &str) -> String {
    url::form_urlencoded::Serializer::new(String::new()).append_pair(name, value).finish()
}
