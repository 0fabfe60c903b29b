//! May the database be used? One row is written and read back; on SQLite the file is looked at as well.

use std::time::Duration;

use sqlx::Executor;

use super::open_file::OpenFile;
use super::{Db, Fault};
use crate::shared::Timestamp;

/// How long the probe waits for its turn to write on SQLite. Another transaction of this server that takes longer proves as
/// much; the write lock of another process does not.
const TURN: Duration = Duration::from_millis(300);
/// Of the filler, so that the row cannot be written without new pages of the file.
const ROOM: usize = 16_000;
/// The same after a change failed for lack of room: more than any change needs, which may have found no room where a small
/// one still does.
const AMPLE_ROOM: usize = 256_000;

const READ: &str = "SELECT at FROM readiness_probe WHERE one = 1";

impl Db {
    /// Takes no longer than `patience` where the database does not answer.
    pub async fn probe(&self, now: Timestamp, patience: Duration) -> Result<(), Fault> {
        if self.is_away() {
            // The file may tell why.
            return self.core.file.as_ref().map_or(Ok(()), |file| file.check()).and(Err(Fault::Away));
        }
        let probed = match &self.core.file {
            Some(file) => tokio::time::timeout(patience, self.probe_file(file, now))
                .await
                .unwrap_or_else(|_| Err(Fault::Silent.into())),
            None => self.probe_server(now, patience).await,
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
        let turn = tokio::time::timeout(TURN, self.write()).await;
        if turn.is_err() && self.core.condition.is_locked(self.core.clock.steady(), self.writer_timeout) {
            return Err(Fault::Locked.into());
        }
        if let Ok(write) = turn {
            let mut write = write?;
            let was_full = self.core.condition.is_full();
            let room = if was_full { AMPLE_ROOM } else { ROOM };
            // Its pages are free again in the same transaction.
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

    async fn probe_server(&self, now: Timestamp, patience: Duration) -> Result<(), sqlx::Error> {
        // One statement that commits by itself: no server can stop in the middle of it and hold the row.
        self.within(patience, |connection| {
            Box::pin(async move {
                sqlx::query("UPDATE readiness_probe SET at = $1 WHERE one = 1")
                    .bind(now.millis())
                    .execute(&mut *connection)
                    .await?;
                connection.fetch_one(READ).await.map(drop)
            })
        })
        .await?;
        // The row fits into a page that is there. A write that failed for lack of room has told more.
        if self.core.condition.is_full() { self.probe_room(patience).await } else { Ok(()) }
    }

    /// Is there room for a few new pages?
    async fn probe_room(&self, patience: Duration) -> Result<(), sqlx::Error> {
        const ROOM: &str =
            "CREATE TEMPORARY TABLE readiness_room AS SELECT generate_series(1, 5000) AS number";
        let made = self
            .within(patience, |connection| {
                Box::pin(async move {
                    connection.execute(ROOM).await?;
                    connection.execute("DROP TABLE readiness_room").await.map(drop)
                })
            })
            .await;
        match made {
            // Without the right to make temporary tables the next write tells.
            Err(error) if Fault::of(&error) != Fault::Denied => Err(error),
            _ => {
                self.core.condition.note_room();
                Ok(())
            }
        }
    }
}
