//! The filter of the audit log, as the query of the page's URL.

use std::time::Duration;

use serde::Deserialize;

use crate::accounts::server::find_id;
use crate::audit::{self, AuditFilter, Target};
use crate::keys::server::{self as keys, Filter, Key};
use crate::orgs::server::{Actor, search_members};
use crate::platform::{App, Error};
use crate::shared::{EventId, UserId, contains_token};

/// How many people, and how many keys, a text stands for at most.
pub const MAX_MATCHES: usize = 50;
/// A value that no event has.
const NOTHING: &str = "-";

const DAY: u64 = 24 * 60 * 60;
/// The selectable time spans: value, days, label.
pub const SPANS: [(&str, u64, &str); 4] =
    [("", 0, "Any time"), ("1d", 1, "Last 24 h"), ("7d", 7, "Last 7 days"), ("30d", 30, "Last 30 days")];

#[derive(Clone, Default, Deserialize)]
pub struct FilterQuery {
    /// A part of the name of a person or key, a part of an email address, or an id.
    #[serde(default)]
    pub actor: String,
    /// An action, or the beginnings of its words.
    #[serde(default)]
    pub action: String,
    /// A whole name, a part of the name of a key or member, or an id.
    #[serde(default)]
    pub target: String,
    #[serde(default)]
    pub time: String,
    #[serde(default)]
    pub request: String,
    #[serde(default)]
    pub before: String,
}

impl FilterQuery {
    /// Returns true if any filter is set.
    pub fn is_narrowed(&self) -> bool {
        [&self.actor, &self.action, &self.target, &self.time, &self.request]
            .iter()
            .any(|text| !text.is_empty())
    }

    /// Returns the query without pasted keys, or None if it contains none.
    pub fn without_tokens(&self) -> Option<Self> {
        let mut rest = self.clone();
        let fields = [
            &mut rest.actor,
            &mut rest.action,
            &mut rest.target,
            &mut rest.time,
            &mut rest.request,
            &mut rest.before,
        ];
        let pasted: Vec<_> = fields.into_iter().filter(|text| contains_token(text)).collect();
        let any = !pasted.is_empty();
        pasted.into_iter().for_each(String::clear);
        any.then_some(rest)
    }

    /// The URL query of this filter, for events before `before`.
    pub fn query_string(&self, before: &str) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in [
            ("actor", self.actor.as_str()),
            ("action", &self.action),
            ("target", &self.target),
            ("time", &self.time),
            ("request", &self.request),
            ("before", before),
        ] {
            if !value.is_empty() {
                query.append_pair(name, value);
            }
        }
        query.finish()
    }

    pub async fn filter(&self, app: &App, actor: &Actor) -> Result<AuditFilter, Error> {
        let non_empty = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let actors = match non_empty(&self.actor) {
            Some(text) => actors(app, actor, &text).await?,
            None => Vec::new(),
        };
        let actions = match non_empty(&self.action) {
            Some(text) => matching_actions(audit::actions(app.db.pool(), actor.org.org).await?, &text),
            None => Vec::new(),
        };
        let targets = match non_empty(&self.target) {
            Some(text) => targets(app, actor, text).await?,
            None => Vec::new(),
        };
        let span = SPANS.iter().find(|(value, days, _)| *value == self.time && *days > 0);
        Ok(AuditFilter {
            actors,
            actions,
            targets,
            request: non_empty(&self.request),
            since: span.map(|(_, days, _)| app.clock.now().minus(Duration::from_secs(days * DAY))),
            before: EventId::parse(self.before.trim()),
        })
    }
}

/// The ids of the people and keys that a text stands for. A whole address stands for its person only, who may no longer be a
/// member.
async fn actors(app: &App, actor: &Actor, text: &str) -> Result<Vec<String>, Error> {
    if UserId::parse(text).is_some() {
        return Ok(vec![text.to_owned()]);
    }
    if text.contains('@')
        && let Some(id) = find_id(app, text).await?
    {
        return Ok(vec![id.to_string()]);
    }
    let members = search_members(app, actor, text, MAX_MATCHES + 1).await?;
    let mut ids: Vec<String> = members.iter().map(|member| member.user.to_string()).collect();
    ids.extend(keys_named(app, actor, text).await?.iter().map(|key| key.id.to_string()));
    if ids.is_empty() {
        ids.push(NOTHING.to_owned());
    }
    Ok(ids)
}

/// The actions that a text stands for: itself, or those that have a word for each beginning in the text.
fn matching_actions(all: Vec<String>, text: &str) -> Vec<String> {
    let text = text.to_lowercase();
    if all.contains(&text) {
        return vec![text];
    }
    let words = |text: &str| -> Vec<String> {
        let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
        words.map(str::to_owned).collect()
    };
    let beginnings = words(&text);
    let matches = |action: &String| {
        let words = words(action);
        !beginnings.is_empty()
            && beginnings.iter().all(|beginning| words.iter().any(|word| word.starts_with(beginning)))
    };
    let mut found: Vec<String> = all.into_iter().filter(matches).collect();
    if found.is_empty() {
        found.push(NOTHING.to_owned());
    }
    found
}

/// The newest keys whose name contains a text.
async fn keys_named(app: &App, actor: &Actor, text: &str) -> Result<Vec<Key>, Error> {
    let named = Filter {
        name: Some(keys::name_key(text)),
        descending: true,
        limit: MAX_MATCHES,
        ..Filter::default()
    };
    Ok(keys::list(app, actor, &named).await?.keys)
}

/// The targets that a text stands for: whatever has the whole name, and the keys and members whose name contains it.
async fn targets(app: &App, actor: &Actor, text: String) -> Result<Vec<Target>, Error> {
    if UserId::parse(&text).is_some() {
        return Ok(vec![Target::Id(text)]);
    }
    let keys = keys_named(app, actor, &text).await?;
    let members = search_members(app, actor, &text, MAX_MATCHES).await?;
    let mut targets: Vec<Target> = keys.iter().map(|key| Target::Id(key.id.to_string())).collect();
    targets.extend(members.iter().map(|member| Target::Id(member.user.to_string())));
    targets.push(Target::Name(text));
    Ok(targets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_is_found_by_the_beginnings_of_its_words() {
        let all = ["key.created", "key.rate_limited", "key.revoked", "member.removed"].map(str::to_owned);
        let found = |text: &str| matching_actions(all.to_vec(), text);
        assert_eq!(found("key.created"), ["key.created"]);
        assert_eq!(found("LIM"), ["key.rate_limited"]);
        assert_eq!(found("key re"), ["key.revoked"]);
        assert_eq!(found("re"), ["key.revoked", "member.removed"]);
        for nothing in ["evoked", "key.x", ".", "%", "_", "\0"] {
            assert_eq!(found(nothing), [NOTHING], "{nothing}");
        }
    }
}
