//! The columns of the log as CSV.

use crate::audit::Recorded;
use crate::platform::csv;

const NAMES: [&str; 14] = [
    "id",
    "at",
    "actor_kind",
    "actor_id",
    "actor_name",
    "action",
    "target_kind",
    "target_id",
    "target_name",
    "address",
    "user_agent",
    "request_id",
    "details",
    "times",
];

pub fn header() -> String {
    let mut line = String::new();
    csv::push_row(&mut line, NAMES);
    line
}

/// Appends an event. The details are JSON.
pub fn push(text: &mut String, row: &Recorded) {
    let details = serde_json::Value::from(row.details.clone()).to_string();
    let (id, at, times) = (row.id.to_string(), row.at.to_string(), row.times.max(1).to_string());
    let cells: [&str; NAMES.len()] = [
        &id,
        &at,
        &row.actor_kind,
        &row.actor_id,
        &row.actor_name,
        &row.action,
        &row.target_kind,
        &row.target_id,
        &row.target_name,
        &row.address,
        &row.user_agent,
        &row.request_id,
        &details,
        &times,
    ];
    csv::push_row(text, cells);
}
