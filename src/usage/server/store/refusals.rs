//! Reading refused requests, and keys with refusals that need attention.

use sqlx::any::AnyRow;
use sqlx::{AnyExecutor, AnyPool, Row};

use super::super::counters::hour_of;
use super::read::outcome;
use crate::platform::db::sql;
use crate::shared::{KeyId, OrgId, SecretId, Timestamp};
use crate::usage::Outcome;

/// When and why a request was refused, or when a sampled call was accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusalReason {
    pub request_id: String,
    pub at: Timestamp,
    pub key: KeyId,
    pub secret: SecretId,
    pub outcome: Outcome,
    /// Empty when it is unknown.
    pub address: String,
    /// Whether the key had the permissions that the check asked for; None if it asked for none.
    pub permitted: Option<bool>,
}

impl RefusalReason {
    pub fn position(&self) -> RefusalPosition {
        RefusalPosition { at: self.at, request_id: self.request_id.clone() }
    }
}

/// The position of a row in the list of refused requests, for the cursor.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RefusalPosition {
    at: Timestamp,
    request_id: String,
}

/// The text form in addresses, which is opaque to clients.
impl RefusalPosition {
    pub fn to_text(&self) -> String {
        format!("{}-{}", self.at.millis(), self.request_id)
    }

    pub fn parse(text: &str) -> Option<Self> {
        let (at, request_id) = text.split_once('-')?;
        let is_id = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let is_readable = (1..=64).contains(&request_id.len()) && request_id.chars().all(is_id);
        let at = at.parse().ok().filter(|_| is_readable)?;
        Some(Self { at: Timestamp::from_millis(at), request_id: request_id.to_owned() })
    }
}

/// Which recorded requests to read.
#[derive(Clone, Debug, Default)]
pub struct RefusalFilter {
    pub outcome: Option<Outcome>,
    /// With the accepted calls, if any outcome is.
    pub accepted: bool,
    /// The first time that is included.
    pub from: Option<Timestamp>,
    /// The first time that is not included any more.
    pub until: Option<Timestamp>,
    /// Older than this one.
    pub before: Option<RefusalPosition>,
    pub limit: usize,
}

impl RefusalFilter {
    pub fn admits(&self, refused: &RefusalReason) -> bool {
        let is_refused = refused.outcome != Outcome::Valid;
        self.outcome.map_or(is_refused || self.accepted, |outcome| outcome == refused.outcome)
            && self.from.is_none_or(|from| refused.at >= from)
            && self.until.is_none_or(|until| refused.at < until)
            && self.before.as_ref().is_none_or(|before| refused.position() < *before)
    }
}

const SELECT: &str =
    "SELECT request_id, at, key_id, secret_id, outcome, address, permitted FROM refused_requests WHERE";

fn refusal_row(row: &AnyRow) -> Result<RefusalReason, sqlx::Error> {
    Ok(RefusalReason {
        request_id: row.try_get("request_id")?,
        at: Timestamp::from_millis(row.try_get("at")?),
        key: row.try_get("key_id")?,
        secret: row.try_get("secret_id")?,
        outcome: outcome(row.try_get("outcome")?)?,
        address: row.try_get("address")?,
        permitted: row.try_get::<Option<i64>, _>("permitted")?.map(|permitted| permitted == 1),
    })
}

pub async fn refusal(
    db: impl AnyExecutor<'_>,
    org: OrgId,
    request_id: &str,
) -> Result<Option<RefusalReason>, sqlx::Error> {
    let text = format!("{SELECT} request_id = $1 AND org_id = $2");
    let row = sqlx::query(sql(text)).bind(request_id).bind(org).fetch_optional(db).await?;
    row.as_ref().map(refusal_row).transpose()
}

/// Whose recorded requests to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusalScope {
    Key(KeyId),
    Org(OrgId),
}

/// The recorded requests of a key or an organization since a time, the newest first.
pub async fn refusals_of(
    pool: &AnyPool,
    scope: RefusalScope,
    since: Timestamp,
    filter: &RefusalFilter,
) -> Result<Vec<RefusalReason>, sqlx::Error> {
    let since = filter.from.map_or(since, |from| from.max(since));
    let until = filter.until.unwrap_or(Timestamp::from_millis(i64::MAX));
    let column = match scope {
        RefusalScope::Key(_) => "key_id",
        RefusalScope::Org(_) => "org_id",
    };
    let mut text = format!("{SELECT} {column} = $1 AND at >= $2 AND at < $3");
    if filter.before.is_some() {
        text.push_str(" AND (at < $4 OR (at = $4 AND request_id < $5))");
    }
    match filter.outcome {
        Some(outcome) => text.push_str(&format!(" AND outcome = '{}'", outcome.as_str())),
        None if filter.accepted => {}
        None => text.push_str(&format!(" AND outcome <> '{}'", Outcome::Valid.as_str())),
    }
    text.push_str(&format!(" ORDER BY at DESC, request_id DESC LIMIT {}", filter.limit));
    let query = sqlx::query(sql(text));
    let query = match scope {
        RefusalScope::Key(key) => query.bind(key),
        RefusalScope::Org(org) => query.bind(org),
    };
    let query = query.bind(since.millis()).bind(until.millis());
    let query = match &filter.before {
        Some(before) => query.bind(before.at.millis()).bind(before.request_id.as_str()),
        None => query,
    };
    query.fetch_all(pool).await?.iter().map(refusal_row).collect()
}

/// The number of requests with a key that were refused for one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedKey {
    pub key: KeyId,
    pub outcome: Outcome,
    pub requests: i64,
}

/// The spans and limits of `refused_keys`.
#[derive(Clone, Copy, Debug)]
pub struct RefusedKeyLimits {
    /// Wrong secrets are counted from the hour of this time.
    pub flood_from: Timestamp,
    /// Wrong secrets in one of these hours that make a flood.
    pub flood: i64,
    /// Refused addresses are counted from the hour of this time.
    pub addresses_from: Timestamp,
    /// Keys of each kind.
    pub most: usize,
}

/// The keys of an organization with floods of wrong secrets, and those with refused addresses; of each the most refused first.
pub async fn refused_keys(
    pool: &AnyPool,
    org: OrgId,
    limits: RefusedKeyLimits,
) -> Result<Vec<RefusedKey>, sqlx::Error> {
    // The outcomes are literals, so that the engines use the partial indexes for them.
    let rows = sqlx::query(
        "SELECT key_id, outcome, requests FROM (SELECT key_id, 'unknown' AS outcome, \
         CAST(SUM(requests) AS BIGINT) AS requests FROM usage_hours \
         WHERE outcome = 'unknown' AND org_id = $1 AND hour >= $2 \
         GROUP BY key_id HAVING MAX(requests) >= $3 ORDER BY 3 DESC, key_id LIMIT $5) AS floods \
         UNION ALL \
         SELECT key_id, outcome, requests FROM (SELECT key_id, 'ip_not_allowed' AS outcome, \
         CAST(SUM(requests) AS BIGINT) AS requests FROM usage_hours \
         WHERE outcome = 'ip_not_allowed' AND org_id = $1 AND hour >= $4 \
         GROUP BY key_id ORDER BY 3 DESC, key_id LIMIT $5) AS addresses",
    )
    .bind(org)
    .bind(hour_of(limits.flood_from))
    .bind(limits.flood)
    .bind(hour_of(limits.addresses_from))
    .bind(limits.most as i64)
    .fetch_all(pool)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(RefusedKey {
                key: row.try_get("key_id")?,
                outcome: outcome(row.try_get("outcome")?)?,
                requests: row.try_get("requests")?,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_read_back_and_other_texts_are_none() {
        let position = RefusalPosition {
            at: Timestamp::from_millis(1_795_168_800_000),
            request_id: "req_01".to_owned(),
        };
        assert_eq!(RefusalPosition::parse(&position.to_text()), Some(position));
        for text in ["", "-", "5", "5-", "x-req_1", "5-re\0q", "5-req 1", &format!("5-{}", "a".repeat(65))] {
            assert_eq!(RefusalPosition::parse(text), None, "{text}");
        }
    }
}
