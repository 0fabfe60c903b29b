//! What is written down and not yet added up.

use std::ops::RangeInclusive;

use sqlx::AnyPool;

use crate::platform::db::Write;
use crate::shared::{SecretId, Timestamp};

/// Notes that a flush is being written. False when it already was.
pub async fn claim(write: &mut Write, node: &str, number: i64, now: Timestamp) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(
        "INSERT INTO usage_flushes (node, number, at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
    )
    .bind(node)
    .bind(number)
    .bind(now.millis())
    .execute(&mut **write)
    .await?;
    Ok(done.rows_affected() == 1)
}

pub async fn note(write: &mut Write, node: &str, number: i64, counts: String) -> Result<(), sqlx::Error> {
    sqlx::query("INSERT INTO usage_journal (node, number, counts) VALUES ($1, $2, $3)")
        .bind(node)
        .bind(number)
        .bind(counts)
        .execute(&mut **write)
        .await
        .map(drop)
}

/// The servers that have something to add up, and the first and last number of each.
pub async fn nodes_with_notes(pool: &AnyPool) -> Result<Vec<(String, i64, i64)>, sqlx::Error> {
    sqlx::query_as("SELECT node, MIN(number), MAX(number) FROM usage_journal GROUP BY node ORDER BY node")
        .fetch_all(pool)
        .await
}

/// Takes away the first text that a server wrote down, with its number.
pub async fn take_note(write: &mut Write, node: &str) -> Result<Option<(i64, String)>, sqlx::Error> {
    sqlx::query_as(
        "DELETE FROM usage_journal WHERE node = $1 \
         AND number = (SELECT MIN(number) FROM usage_journal WHERE node = $1) RETURNING number, counts",
    )
    .bind(node)
    .fetch_optional(&mut **write)
    .await
}

/// Takes away those of a server from one number to another. How many they were.
pub async fn take_notes(
    write: &mut Write,
    node: &str,
    numbers: &RangeInclusive<i64>,
) -> Result<usize, sqlx::Error> {
    let done = sqlx::query("DELETE FROM usage_journal WHERE node = $1 AND number BETWEEN $2 AND $3")
        .bind(node)
        .bind(numbers.start())
        .bind(numbers.end())
        .execute(&mut **write)
        .await?;
    Ok(done.rows_affected() as usize)
}

/// What other servers have written down with requests of a secret, among others.
pub async fn notes_of_others_with(
    write: &mut Write,
    node: &str,
    secret: SecretId,
) -> Result<Vec<String>, sqlx::Error> {
    sqlx::query_scalar("SELECT counts FROM usage_journal WHERE node <> $1 AND counts LIKE $2")
        .bind(node)
        .bind(format!("%\"{secret}\"%"))
        .fetch_all(&mut **write)
        .await
}
