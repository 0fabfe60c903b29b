//! Figures for the metrics: the size of the database, and the time of the last backup.

use sqlx::Row;

use super::{Db, Engine};
use crate::shared::Timestamp;

impl Db {
    /// The size in bytes. On SQLite, without the write-ahead log.
    pub async fn size(&self) -> Result<i64, sqlx::Error> {
        let query = match self.core.engine {
            Engine::Sqlite => "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()",
            Engine::Postgres => "SELECT pg_database_size(current_database())",
        };
        sqlx::query_scalar(query).fetch_one(&self.core.pool).await
    }

    pub async fn last_backup(&self) -> Result<Option<Timestamp>, sqlx::Error> {
        let row = sqlx::query("SELECT finished_at FROM maintenance WHERE task = 'backup'")
            .fetch_optional(&self.core.pool)
            .await?;
        row.map(|row| Ok(Timestamp::from_millis(row.try_get("finished_at")?))).transpose()
    }

    /// Stores the time of a backup, because the process that makes backups is not the one that serves the metrics.
    pub async fn record_backup(&self, at: Timestamp) -> Result<(), sqlx::Error> {
        let mut write = self.write().await?;
        sqlx::query(
            "INSERT INTO maintenance (task, finished_at) VALUES ('backup', $1) \
             ON CONFLICT (task) DO UPDATE SET finished_at = excluded.finished_at",
        )
        .bind(at.millis())
        .execute(&mut *write)
        .await?;
        write.commit().await
    }
}
