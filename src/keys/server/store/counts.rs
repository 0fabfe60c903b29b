//! Counts of keys over all organizations.

use sqlx::{AnyPool, Row};

use super::condition::USABLE;
use crate::platform::db::sql;
use crate::shared::Timestamp;

/// The number of keys that are usable now, and of those that expire by `soon`.
pub async fn count_usable(db: &AnyPool, now: Timestamp, soon: Timestamp) -> Result<(i64, i64), sqlx::Error> {
    let text = format!(
        "SELECT COUNT(*) AS active, COUNT(CASE WHEN {USABLE} <= $2 THEN 1 END) AS expiring FROM keys WHERE {USABLE} > $1"
    );
    let row = sqlx::query(sql(text)).bind(now.millis()).bind(soon.millis()).fetch_one(db).await?;
    Ok((row.try_get("active")?, row.try_get("expiring")?))
}
