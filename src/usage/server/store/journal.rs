//! What is written down and not yet added up.

use std::ops::RangeInclusive;

use sqlx::any::AnyRow;
use sqlx::{AnyPool, Row};

use crate::platform::db::{Write, sql};
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
    let row = sqlx::query(
        "DELETE FROM usage_journal WHERE node = $1 \
         AND number = (SELECT MIN(number) FROM usage_journal WHERE node = $1) RETURNING number, counts",
    )
    .bind(node)
    .fetch_optional(&mut **write)
    .await?;
    row.map(|row| Ok((row.try_get("number")?, text_of(&row)))).transpose()
}

/// SQLite takes any type in any column. Bytes may be a text all the same.
fn text_of(row: &AnyRow) -> String {
    row.try_get("counts").unwrap_or_else(|_| {
        let bytes: Vec<u8> = row.try_get("counts").unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// Of rows that cannot be read so many are set aside, which is enough to see what is wrong. Others are only removed.
const MOST_UNREADABLE: usize = 20;

/// Moves rows out of the journal whose server or number has the wrong type. Returns how many they were.
pub async fn move_wrongly_typed(write: &mut Write, now: Timestamp) -> Result<u64, sqlx::Error> {
    // A value of the column's own type is equal to what it is cast to; no other is.
    const WRONG: &str = "(CAST(node AS TEXT) <> node OR CAST(number AS BIGINT) <> number)";
    sqlx::query(sql(copy_where(WRONG))).bind(now.millis()).execute(&mut **write).await?;
    let done = sqlx::query(sql(format!("DELETE FROM usage_journal WHERE {WRONG}")));
    Ok(done.execute(&mut **write).await?.rows_affected())
}

/// Moves the first row of a server out of the journal, whatever is in it.
pub async fn move_first(write: &mut Write, node: &str, now: Timestamp) -> Result<u64, sqlx::Error> {
    let first = "node = $2 AND number = (SELECT MIN(number) FROM usage_journal WHERE node = $2)";
    sqlx::query(sql(copy_where(first))).bind(now.millis()).bind(node).execute(&mut **write).await?;
    let delete = format!("DELETE FROM usage_journal WHERE {}", first.replace("$2", "$1"));
    Ok(sqlx::query(sql(delete)).bind(node).execute(&mut **write).await?.rows_affected())
}

/// $1 is the present.
fn copy_where(condition: &str) -> String {
    format!(
        "INSERT INTO usage_journal_unreadable (node, number, counts, moved_at) \
         SELECT node, number, counts, CAST($1 AS BIGINT) FROM usage_journal WHERE {condition} \
         AND (SELECT COUNT(*) FROM usage_journal_unreadable) < {MOST_UNREADABLE} LIMIT {MOST_UNREADABLE}"
    )
}

/// Sets a text aside that was taken out of the journal and cannot be read.
pub async fn set_aside(
    write: &mut Write,
    node: &str,
    number: i64,
    text: &str,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    let insert = format!(
        "INSERT INTO usage_journal_unreadable (node, number, counts, moved_at) \
         SELECT CAST($1 AS TEXT), CAST($2 AS BIGINT), CAST($3 AS TEXT), CAST($4 AS BIGINT) \
         WHERE (SELECT COUNT(*) FROM usage_journal_unreadable) < {MOST_UNREADABLE}"
    );
    let insert = sqlx::query(sql(insert)).bind(node).bind(number).bind(text).bind(now.millis());
    insert.execute(&mut **write).await.map(drop)
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
    let rows = sqlx::query("SELECT counts FROM usage_journal WHERE node <> $1 AND counts LIKE $2")
        .bind(node)
        .bind(format!("%\"{secret}\"%"))
        .fetch_all(&mut **write)
        .await?;
    Ok(rows.iter().map(text_of).collect())
}
