//! The change log: what changed, for every process that remembers states. A row is written in the transaction of the
//! change itself, with a number taken from one locked row, so that numbers are in the order of the commits and have no
//! gaps. Listeners of this process hear at the commit; other processes read the rows.

use std::sync::{Arc, OnceLock};

use sqlx::{AnyConnection, Row};

use super::db::Write;
use crate::shared::Timestamp;

/// What can change and be remembered somewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Key,
    Organization,
    /// A device's login, which somebody has decided.
    Login,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Key, Self::Organization, Self::Login];

    fn as_str(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Organization => "organization",
            Self::Login => "login",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub kind: Kind,
    pub id: String,
}

/// Changes with the number of the last of them.
pub struct Read {
    pub changes: Vec<Change>,
    pub last: i64,
    /// There are others after these.
    pub more: bool,
    /// Older rows are gone: what is remembered may be out of date in any way.
    pub gap: bool,
}

/// What those who remember are told.
#[derive(Clone, Copy, Debug)]
pub enum Heard<'a> {
    Change(&'a Change),
    /// Nobody knows what: all that is remembered may be out of date.
    Gap,
}

/// Who wants to hear of changes: of this process when they are committed, of others when they are read.
#[derive(Clone, Default)]
pub struct Listener(Arc<OnceLock<Hear>>);

type Hear = Box<dyn Fn(Heard<'_>) + Send + Sync>;

impl Listener {
    /// There is one; a second is refused by being ignored, as routers are made again in tests.
    pub fn set(&self, hear: impl Fn(Heard<'_>) + Send + Sync + 'static) {
        let _ = self.0.set(Box::new(hear));
    }

    pub fn tell(&self, changes: &[Change]) {
        changes.iter().for_each(|change| self.say(Heard::Change(change)));
    }

    pub fn tell_gap(&self) {
        self.say(Heard::Gap);
    }

    fn say(&self, heard: Heard<'_>) {
        if let Some(hear) = self.0.get() {
            hear(heard);
        }
    }
}

/// Notes a change. The last step before the commit: the number's row is locked until then.
pub async fn note(write: &mut Write, now: Timestamp, kind: Kind, id: &str) -> Result<(), sqlx::Error> {
    let seq: i64 = sqlx::query_scalar("UPDATE change_counter SET seq = seq + 1 WHERE one = 1 RETURNING seq")
        .fetch_one(&mut **write)
        .await?;
    sqlx::query("INSERT INTO changes (seq, kind, id, at) VALUES ($1, $2, $3, $4)")
        .bind(seq)
        .bind(kind.as_str())
        .bind(id)
        .bind(now.millis())
        .execute(&mut **write)
        .await?;
    write.changed(Change { kind, id: id.to_owned() });
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
