//! The journal: what was written and is not yet rolled up.

use sqlx::any::AnyRow;
use sqlx::{AnyPool, Row};

use super::super::nodes::JournalNode;
use crate::platform::db::{Write, sql};
use crate::shared::{SecretId, Timestamp};

/// Records that a flush is written. Returns false when it was written before.
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

pub async fn insert_row(
    write: &mut Write,
    node: &str,
    number: i64,
    counts: String,
) -> Result<(), sqlx::Error> {
    sqlx::query("INSERT INTO usage_journal (node, number, counts) VALUES ($1, $2, $3)")
        .bind(node)
        .bind(number)
        .bind(counts)
        .execute(&mut **write)
        .await
        .map(drop)
}

/// The servers that have rows.
pub async fn journal_nodes(pool: &AnyPool) -> Result<Vec<JournalNode>, sqlx::Error> {
    let nodes: Vec<(String, i64, i64)> = sqlx::query_as(
        "SELECT node, MIN(number), MAX(number) FROM usage_journal GROUP BY node ORDER BY node",
    )
    .fetch_all(pool)
    .await?;
    Ok(nodes.into_iter().map(|(name, first, last)| JournalNode { name, first, last }).collect())
}

/// Deletes a server's first row. Returns its number and its text.
pub async fn take_row(write: &mut Write, node: &str) -> Result<Option<(i64, String)>, sqlx::Error> {
    let row = sqlx::query(
        "DELETE FROM usage_journal WHERE node = $1 \
         AND number = (SELECT MIN(number) FROM usage_journal WHERE node = $1) RETURNING number, counts",
    )
    .bind(node)
    .fetch_optional(&mut **write)
    .await?;
    row.map(|row| Ok((row.try_get("number")?, counts_of(&row)))).transpose()
}

/// The text of a row. SQLite accepts any type in any column, so the text may be stored as bytes.
fn counts_of(row: &AnyRow) -> String {
    row.try_get("counts").unwrap_or_else(|_| {
        let bytes: Vec<u8> = row.try_get("counts").unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// The texts of other servers' rows that contain a secret.
pub async fn rows_of_others_with(
    write: &mut Write,
    node: &str,
    secret: SecretId,
) -> Result<Vec<String>, sqlx::Error> {
    let rows = sqlx::query("SELECT counts FROM usage_journal WHERE node <> $1 AND counts LIKE $2")
        .bind(node)
        .bind(format!("%\"{secret}\"%"))
        .fetch_all(&mut **write)
        .await?;
    Ok(rows.iter().map(counts_of).collect())
}

/// How many unreadable rows are set aside, which is enough to find the cause. Further ones are only deleted.
const MAX_SET_ASIDE: usize = 20;

/// Moves rows whose server or number has the wrong type out of the journal. Returns how many.
pub async fn move_wrongly_typed(write: &mut Write, now: Timestamp) -> Result<u64, sqlx::Error> {
    // Only a value of the column's own type is equal to the result of the cast.
    const WRONG: &str = "(CAST(node AS TEXT) <> node OR CAST(number AS BIGINT) <> number)";
    sqlx::query(sql(copy_where(WRONG))).bind(now.millis()).execute(&mut **write).await?;
    let done = sqlx::query(sql(format!("DELETE FROM usage_journal WHERE {WRONG}")));
    Ok(done.execute(&mut **write).await?.rows_affected())
}

/// Moves a server's first row out of the journal, whatever is in it. Returns how many rows it moved.
pub async fn move_first(write: &mut Write, node: &str, now: Timestamp) -> Result<u64, sqlx::Error> {
    let first = "node = $2 AND number = (SELECT MIN(number) FROM usage_journal WHERE node = $2)";
    sqlx::query(sql(copy_where(first))).bind(now.millis()).bind(node).execute(&mut **write).await?;
    let delete = format!("DELETE FROM usage_journal WHERE {}", first.replace("$2", "$1"));
    Ok(sqlx::query(sql(delete)).bind(node).execute(&mut **write).await?.rows_affected())
}

/// SQL that copies rows to the table of rows that were set aside. `$1` is the current time.
fn copy_where(condition: &str) -> String {
    format!(
        "INSERT INTO usage_journal_unreadable (node, number, counts, moved_at) \
         SELECT node, number, counts, CAST($1 AS BIGINT) FROM usage_journal WHERE {condition} \
         AND (SELECT COUNT(*) FROM usage_journal_unreadable) < {MAX_SET_ASIDE} LIMIT {MAX_SET_ASIDE}"
    )
}

/// Sets a row aside that was taken out of the journal and cannot be read.
pub async fn set_aside(
    write: &mut Write,
    node: &str,
    number: i64,
    counts: &str,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    let insert = format!(
        "INSERT INTO usage_journal_unreadable (node, number, counts, moved_at) \
         SELECT CAST($1 AS TEXT), CAST($2 AS BIGINT), CAST($3 AS TEXT), CAST($4 AS BIGINT) \
         WHERE (SELECT COUNT(*) FROM usage_journal_unreadable) < {MAX_SET_ASIDE}"
    );
    let insert = sqlx::query(sql(insert)).bind(node).bind(number).bind(counts).bind(now.millis());
    insert.execute(&mut **write).await.map(drop)
}
