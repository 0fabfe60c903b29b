//! What was used up of quotas.

use sqlx::{AnyPool, Row};

use crate::keys::QuotaPeriod;
use crate::platform::db::{Db, ROWS_PER_STATEMENT, row_placeholders, sql};
use crate::shared::{KeyId, Timestamp};

/// The count of this process in one period of a key.
#[derive(Clone, Copy, Debug)]
pub struct QuotaRow {
    pub key: KeyId,
    pub period: QuotaPeriod,
    pub start: Timestamp,
    pub used: u64,
}

/// The uses that this process and all others have counted.
pub struct StoredUse {
    pub here: u64,
    pub elsewhere: u64,
}

pub async fn quota_use(
    pool: &AnyPool,
    key: KeyId,
    period: QuotaPeriod,
    start: Timestamp,
    process: &str,
) -> Result<StoredUse, sqlx::Error> {
    let row = sqlx::query(
        "SELECT CAST(COALESCE(SUM(CASE WHEN process = $4 THEN used ELSE 0 END), 0) AS BIGINT) AS here, \
         CAST(COALESCE(SUM(CASE WHEN process = $4 THEN 0 ELSE used END), 0) AS BIGINT) AS elsewhere \
         FROM quota_use WHERE key_id = $1 AND period = $2 AND period_start = $3",
    )
    .bind(key)
    .bind(period.as_str())
    .bind(start.millis())
    .bind(process)
    .fetch_one(pool)
    .await?;
    let number =
        |name| -> Result<u64, sqlx::Error> { Ok(u64::try_from(row.try_get::<i64, _>(name)?).unwrap_or(0)) };
    Ok(StoredUse { here: number("here")?, elsewhere: number("elsewhere")? })
}

pub async fn write_quota_use(db: &Db, process: &str, rows: &[QuotaRow]) -> Result<(), sqlx::Error> {
    let mut write = db.write().await?;
    for rows in rows.chunks(ROWS_PER_STATEMENT) {
        let text = format!(
            "INSERT INTO quota_use (key_id, period, period_start, process, used) VALUES {} \
             ON CONFLICT (key_id, period, period_start, process) DO UPDATE SET used = excluded.used",
            row_placeholders(rows.len(), 5)
        );
        let query = rows.iter().fold(sqlx::query(sql(text)), |query, row| {
            query
                .bind(row.key)
                .bind(row.period.as_str())
                .bind(row.start.millis())
                .bind(process)
                .bind(i64::try_from(row.used).unwrap_or(i64::MAX))
        });
        query.persistent(rows.len() == ROWS_PER_STATEMENT).execute(&mut *write).await?;
    }
    write.commit().await
}

/// Deletes the counts of periods that began before.
pub async fn forget_quota_use(db: &Db, before: Timestamp) -> Result<(), sqlx::Error> {
    /// A portion, so that other writes wait only a moment.
    const BATCH_SIZE: i64 = 5_000;
    loop {
        let mut write = db.write().await?;
        let done = sqlx::query(
            "DELETE FROM quota_use WHERE (key_id, period, period_start, process) IN \
             (SELECT key_id, period, period_start, process FROM quota_use WHERE period_start < $1 LIMIT $2)",
        )
        .bind(before.millis())
        .bind(BATCH_SIZE)
        .execute(&mut *write)
        .await?;
        write.commit().await?;
        if done.rows_affected() < BATCH_SIZE as u64 {
            return Ok(());
        }
    }
}
