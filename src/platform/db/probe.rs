//! Probes whether the database works: writes one row and reads it back, and on SQLite checks the file as well.

use std::time::Duration;

use sqlx::Executor;

use super::open_file::OpenFile;
use super::{Db, Fault};
use crate::shared::Timestamp;

/// How long the probe waits for its turn to write on SQLite. If another transaction of this server takes longer, writing works. If
/// another process holds the write lock for too long, it does not.
const WRITE_WAIT: Duration = Duration::from_millis(300);
/// The length of the filler, so that writing the row needs new pages of the file.
const ROOM: usize = 16_000;
/// The length of the filler after a change failed for lack of room. It is longer than any change, because a short row may still
/// fit when a long one does not.
const AMPLE_ROOM: usize = 256_000;

const READ: &str = "SELECT at FROM readiness_probe WHERE one = 1";

impl Db {
    /// Fails after `timeout` if the database does not respond.
    pub async fn probe(&self, now: Timestamp, timeout: Duration) -> Result<(), Fault> {
        if self.is_away() {
            // A fault of the file may be the reason.
            self.core.file.as_ref().map_or(Ok(()), |file| file.check())?;
            return Err(if self.core.condition.has_damage() { Fault::Damaged } else { Fault::Away });
        }
        let probed = match &self.core.file {
            Some(file) => tokio::time::timeout(timeout, self.probe_file(file, now))
                .await
                .unwrap_or_else(|_| Err(Fault::Silent.into())),
            None => self.probe_server(now, timeout).await,
        };
        probed.map_err(|error| {
            let fault = Fault::of(&error);
            tracing::warn!(%error, "not ready: {fault}");
            fault
        })
    }

    async fn probe_file(&self, file: &OpenFile, now: Timestamp) -> Result<(), sqlx::Error> {
        file.check()?;
        file.read_afresh().await.inspect_err(|error| {
            if Fault::of(error) == Fault::Damaged {
                self.core.condition.note_unreadable();
            }
        })?;
        let write = tokio::time::timeout(WRITE_WAIT, self.write()).await;
        if write.is_err() && self.core.condition.is_locked(self.core.clock.steady(), self.writer_timeout) {
            return Err(Fault::Locked.into());
        }
        if let Ok(write) = write {
            let mut write = write?;
            let was_full = self.core.condition.is_full();
            let room = if was_full { AMPLE_ROOM } else { ROOM };
            // The second update frees the new pages in the same transaction.
            for filler in [room, 0] {
                sqlx::query("UPDATE readiness_probe SET at = $1, filler = $2 WHERE one = 1")
                    .bind(now.millis())
                    .bind("x".repeat(filler))
                    .execute(&mut *write)
                    .await?;
            }
            write.commit().await?;
            if was_full {
                self.core.condition.note_room();
            }
        }
        self.core.pool.fetch_one(READ).await?;
        if self.core.condition.has_damage() { Err(Fault::Damaged.into()) } else { Ok(()) }
    }

    async fn probe_server(&self, now: Timestamp, timeout: Duration) -> Result<(), sqlx::Error> {
        // A single statement, so that no server can die in the middle of a transaction and keep the row locked.
        let rights_query = self.rights_query.clone();
        self.within(timeout, |connection| {
            Box::pin(async move {
                sqlx::query("UPDATE readiness_probe SET at = $1 WHERE one = 1")
                    .bind(now.millis())
                    .execute(&mut *connection)
                    .await?;
                connection.fetch_one(READ).await?;
                let Some(query) = rights_query else { return Ok(()) };
                let closed: i64 =
                    sqlx::query_scalar(super::sql(query.to_string())).fetch_one(&mut *connection).await?;
                if closed == 0 { Ok(()) } else { Err(Fault::Denied.into()) }
            })
        })
        .await?;
        // The row fits into an existing page, so this does not prove that there is room for more.
        if self.core.condition.is_full() { self.probe_room(timeout).await } else { Ok(()) }
    }

    /// Checks that there is room for a few new pages.
    async fn probe_room(&self, timeout: Duration) -> Result<(), sqlx::Error> {
        const ROOM: &str =
            "CREATE TEMPORARY TABLE readiness_room AS SELECT generate_series(1, 5000) AS number";
        let created = self
            .within(timeout, |connection| {
                Box::pin(async move {
                    connection.execute(ROOM).await?;
                    connection.execute("DROP TABLE readiness_room").await.map(drop)
                })
            })
            .await;
        match created {
            // Without the right to create temporary tables, only the next write can show whether there is room.
            Err(error) if Fault::of(&error) != Fault::Denied => Err(error),
            _ => {
                self.core.condition.note_room();
                Ok(())
            }
        }
    }
}
