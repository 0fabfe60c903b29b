//! The rows of the change log.

use std::fmt::Display;

use sqlx::{AnyConnection, Row};

use super::listener::{Change, ChangeKind};
use crate::platform::db::Write;
use crate::shared::Timestamp;

/// A batch of changes, and the number of the last of them.
pub struct ChangeBatch {
    pub changes: Vec<Change>,
    pub last: i64,
    /// Whether there are more changes after these.
    pub more: bool,
    /// Whether changes are missing before or between these, so that anything that is cached may be out of date.
    pub gap: bool,
}

/// Writes a change to the log. Call it last before the commit, because the row of the counter is locked until then.
pub async fn record(
    write: &mut Write,
    now: Timestamp,
    kind: ChangeKind,
    id: impl Display,
) -> Result<(), sqlx::Error> {
    let id = id.to_string();
    let seq: i64 = sqlx::query_scalar("UPDATE change_counter SET seq = seq + 1 WHERE one = 1 RETURNING seq")
        .fetch_one(&mut **write)
        .await?;
    sqlx::query("INSERT INTO changes (seq, kind, id, at) VALUES ($1, $2, $3, $4)")
        .bind(seq)
        .bind(kind.as_str())
        .bind(&id)
        .bind(now.millis())
        .execute(&mut **write)
        .await?;
    write.changed(Change { kind, id });
    Ok(())
}

/// The number of the newest change.
pub async fn newest(db: &mut AnyConnection) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("SELECT seq FROM change_counter WHERE one = 1").fetch_one(db).await
}

/// The largest number of changes in a batch.
pub const BATCH_SIZE: usize = 1_000;

/// The changes after the number `seen`, at most `BATCH_SIZE`.
pub async fn read_after(db: &mut AnyConnection, seen: i64) -> Result<ChangeBatch, sqlx::Error> {
    // Read before the rows, so that the rows include changes that are committed in between.
    let newest = newest(&mut *db).await?;
    let rows = sqlx::query("SELECT seq, kind, id FROM changes WHERE seq > $1 ORDER BY seq LIMIT $2")
        .bind(seen)
        .bind(BATCH_SIZE as i64)
        .fetch_all(db)
        .await?;
    if newest < seen || newest > seen && rows.is_empty() {
        // The database was restored from a backup, or the rows after `seen` were deleted because of their age.
        return Ok(ChangeBatch { changes: Vec::new(), last: newest, more: false, gap: true });
    }
    let more = rows.len() >= BATCH_SIZE;
    let mut read = ChangeBatch { changes: Vec::with_capacity(rows.len()), last: seen, more, gap: false };
    for row in rows {
        let seq: i64 = row.try_get("seq")?;
        read.gap |= seq != read.last + 1;
        read.last = seq;
        let kind: String = row.try_get("kind")?;
        // A newer version may write other kinds. They concern nothing that this version caches.
        if let Some(kind) = ChangeKind::ALL.into_iter().find(|candidate| candidate.as_str() == kind) {
            read.changes.push(Change { kind, id: row.try_get("id")? });
        }
    }
    Ok(read)
}

/// Deletes old changes. A process that has not read them yet finds a gap and discards its caches.
pub async fn delete_before(write: &mut Write, before: Timestamp) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM changes WHERE at < $1")
        .bind(before.millis())
        .execute(&mut **write)
        .await
        .map(drop)
}
