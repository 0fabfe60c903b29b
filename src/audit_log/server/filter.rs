//! The filter of the audit log, as the query of the page's URL.

use std::time::Duration;

use serde::Deserialize;

use crate::accounts::server::find_id;
use crate::audit::{AuditFilter, Target};
use crate::platform::{App, Error};
use crate::shared::{EventId, UserId, contains_token};

const DAY: u64 = 24 * 60 * 60;
/// The selectable time spans: value, days, label.
pub const SPANS: [(&str, u64, &str); 4] =
    [("", 0, "Any time"), ("1d", 1, "Last 24 h"), ("7d", 7, "Last 7 days"), ("30d", 30, "Last 30 days")];

#[derive(Clone, Default, Deserialize)]
pub struct FilterQuery {
    /// A person's email address or id.
    #[serde(default)]
    pub actor: String,
    #[serde(default)]
    pub action: String,
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

    pub async fn filter(&self, app: &App) -> Result<AuditFilter, Error> {
        let non_empty = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let actor = match non_empty(&self.actor) {
            // Nobody has this address: filter by an id that matches no event.
            Some(email) if email.contains('@') => {
                Some(find_id(app, &email).await?.map_or_else(|| "-".to_owned(), |id| id.to_string()))
            }
            other => other,
        };
        let target = non_empty(&self.target).map(|text| match UserId::parse(&text) {
            Some(_) => Target::Id(text),
            None => Target::Name(text),
        });
        let span = SPANS.iter().find(|(value, days, _)| *value == self.time && *days > 0);
        Ok(AuditFilter {
            actor,
            action: non_empty(&self.action),
            target,
            request: non_empty(&self.request),
            since: span.map(|(_, days, _)| app.clock.now().minus(Duration::from_secs(days * DAY))),
            before: EventId::parse(self.before.trim()),
        })
    }
}
