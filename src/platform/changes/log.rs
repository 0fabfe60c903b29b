//! The rows of the change log.

use std::fmt::Display;

use sqlx::{AnyConnection, Row};

use super::listener::{Change, Kind};
use crate::platform::db::Write;
use crate::shared::Timestamp;

/// Changes with the number of the last of them.
pub struct Read {
    pub changes: Vec<Change>,
    pub last: i64,
    /// There are others after these.
    pub more: bool,
    /// Older rows are gone: what is remembered may be out of date in any way.
    pub gap: bool,
}

/// Notes a change. The last step before the commit: the number's row is locked until then.
pub async fn note(
    write: &mut Write,
    now: Timestamp,
    kind: Kind,
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

/// Rows read by one look.
pub const AT_ONCE: usize = 1_000;

/// The changes after a number, at most `AT_ONCE`.
pub async fn after(db: &mut AnyConnection, seen: i64) -> Result<Read, sqlx::Error> {
    // Read before the rows: what comes between is among them.
    let newest = newest(&mut *db).await?;
    let rows = sqlx::query("SELECT seq, kind, id FROM changes WHERE seq > $1 ORDER BY seq LIMIT $2")
        .bind(seen)
        .bind(AT_ONCE as i64)
        .fetch_all(db)
        .await?;
    if newest < seen || newest > seen && rows.is_empty() {
        // The database was restored, or all rows since then are old enough to be gone.
        return Ok(Read { changes: Vec::new(), last: newest, more: false, gap: true });
    }
    let more = rows.len() >= AT_ONCE;
    let mut read = Read { changes: Vec::with_capacity(rows.len()), last: seen, more, gap: false };
    for row in rows {
        let seq: i64 = row.try_get("seq")?;
        read.gap |= seq != read.last + 1;
        read.last = seq;
        let kind: String = row.try_get("kind")?;
        // A kind that a newer version writes concerns nothing that this one remembers.
        if let Some(kind) = Kind::ALL.into_iter().find(|known| known.as_str() == kind) {
            read.changes.push(Change { kind, id: row.try_get("id")? });
        }
    }
    Ok(read)
}

/// Whoever is further behind than this starts afresh.
pub async fn forget_before(write: &mut Write, before: Timestamp) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM changes WHERE at < $1")
        .bind(before.millis())
        .execute(&mut **write)
        .await
        .map(drop)
}
