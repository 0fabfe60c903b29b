//! The columns of lists of keys as CSV: the values of the REST endpoint, in the same words.

use super::{Key, KeyQuota};
use crate::platform::csv;
use crate::shared::Timestamp;

const NAMES: [&str; 23] = [
    "id",
    "name",
    "kind",
    "key_prefix",
    "role",
    "note",
    "is_active",
    "status",
    "is_leaked",
    "created_at",
    "expires_at",
    "rate_limit_per_minute",
    "allowed_ranges",
    "calls",
    "last_used_at",
    "created_by",
    "previous_prefix",
    "previous_valid_until",
    "external_id",
    "metadata",
    "permissions",
    "quota_limit",
    "quota_period",
];

/// Lists of keys as CSV, with the line that names the columns.
pub fn table<'a>(keys: impl IntoIterator<Item = &'a Key>, now: Timestamp) -> String {
    let mut text = String::new();
    csv::push_row(&mut text, NAMES);
    push_all(&mut text, keys, now);
    text
}

/// Appends a line for each key. Ranges and permissions are separated by spaces.
pub fn push_all<'a>(text: &mut String, keys: impl IntoIterator<Item = &'a Key>, now: Timestamp) {
    for key in keys {
        let cells = cells(key, now);
        csv::push_row(text, cells.iter().map(String::as_str));
    }
}

fn cells(key: &Key, now: Timestamp) -> [String; NAMES.len()] {
    let status = key.status(now);
    let time = |at: Option<Timestamp>| at.map(|at| at.to_string()).unwrap_or_default();
    let ranges: Vec<String> = key.ranges.iter().map(ToString::to_string).collect();
    let (previous, previous_until) = key.rotation(now).unzip();
    let (quota, period) = key.customer.quota.map(|KeyQuota { limit, period }| (limit, period)).unzip();
    [
        key.id.to_string(),
        key.name.clone(),
        key.kind.as_str().to_owned(),
        format!("{}_{}", key.kind.prefix(), key.secret),
        key.role.as_str().to_owned(),
        key.note.clone(),
        status.is_active().to_string(),
        status.as_str().to_owned(),
        key.is_leaked().to_string(),
        key.created_at.to_string(),
        time(key.expires_at),
        key.rate_limit.map(|limit| limit.to_string()).unwrap_or_default(),
        ranges.join(" "),
        key.calls.to_string(),
        time(key.last_used_at),
        key.created_by.to_string(),
        previous.map(|secret| format!("{}_{secret}", key.kind.prefix())).unwrap_or_default(),
        time(previous_until),
        key.customer.external_id.clone().unwrap_or_default(),
        key.customer.metadata.clone().unwrap_or_default(),
        key.customer.permissions.join(" "),
        quota.map(|limit| limit.to_string()).unwrap_or_default(),
        period.map(|period| period.as_str().to_owned()).unwrap_or_default(),
    ]
}
