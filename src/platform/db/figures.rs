//! What the operator watches of a database: its size, and when it was last copied.

use sqlx::Row;

use super::{Db, Engine};
use crate::shared::Timestamp;

impl Db {
    /// In bytes; of SQLite, the file without its write-ahead log.
    pub async fn size(&self) -> Result<i64, sqlx::Error> {
        let question = match self.core.engine {
            Engine::Sqlite => "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()",
            Engine::Postgres => "SELECT pg_database_size(current_database())",
        };
        sqlx::query_scalar(question).fetch_one(&self.core.pool).await
    }

    pub async fn last_backup(&self) -> Result<Option<Timestamp>, sqlx::Error> {
        let row = sqlx::query("SELECT finished_at FROM maintenance WHERE task = 'backup'")
            .fetch_optional(&self.core.pool)
            .await?;
        row.map(|row| Ok(Timestamp::from_millis(row.try_get("finished_at")?))).transpose()
    }

    /// The process that makes backups is not the one that tells of them.
    pub async fn note_backup(&self, at: Timestamp) -> Result<(), sqlx::Error> {
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
