//! How many keys have each status: of all keys, or of those that a filter selects.

use sqlx::{AnyConnection, AnyPool, Row};

use super::condition::{Conditions, Lead, SqlValue, matches_filter};
use super::list::{Filter, leads};
use crate::keys::StatusFilter;
use crate::platform::db::sql;
use crate::shared::{OrgId, Timestamp};

/// The number of keys that match each status filter; None counts all keys. Counting stops one beyond `max`.
pub async fn count(
    pool: &AnyPool,
    org: OrgId,
    now: Timestamp,
    asked: &[Option<StatusFilter>],
    max: i64,
) -> Result<Vec<i64>, sqlx::Error> {
    let mut all = Conditions::of(org);
    let limit = all.bind(SqlValue::Number(max + 1));
    let counts: Vec<String> = asked
        .iter()
        .enumerate()
        .map(|(place, status_filter)| {
            let matches_filter = status_filter.map(|status_filter| {
                format!(" AND {}", matches_filter(status_filter, now, Lead::Condition, &mut |value| all.bind(value)))
            });
            format!(
                "(SELECT COUNT(*) FROM (SELECT 1 FROM keys WHERE org_id = $1{} LIMIT {limit}) AS c{place}) AS n{place}",
                matches_filter.unwrap_or_default()
            )
        })
        .collect();
    let row = all.query(sql(format!("SELECT {}", counts.join(", ")))).fetch_one(pool).await?;
    (0..asked.len()).map(|place| row.try_get(place)).collect()
}

/// The same for the keys that a filter selects, whatever its own status. At most `max + 1` of these keys are read. If there are more
/// than `max`, the counts are those of a part.
pub async fn count_within(
    db: &mut AnyConnection,
    org: OrgId,
    now: Timestamp,
    filter: &Filter,
    asked: &[Option<StatusFilter>],
    max: i64,
) -> Result<Vec<i64>, sqlx::Error> {
    let of_any_status = Filter { status: None, status_filter: None, ..filter.clone() };
    let (leads, _) = leads(&mut *db, org, now, &of_any_status).await?;
    let mut all = of_any_status.conditions(org, now, leads);
    let limit = all.bind(SqlValue::Number(max + 1));
    let selected = format!("SELECT * FROM keys WHERE {} LIMIT {limit}", all.text());
    let counts: Vec<String> = asked
        .iter()
        .map(|status_filter| match status_filter {
            Some(status_filter) => {
                let matches = matches_filter(*status_filter, now, Lead::Order, &mut |value| all.bind(value));
                format!("COUNT(CASE WHEN {matches} THEN 1 END)")
            }
            None => "COUNT(*)".to_owned(),
        })
        .collect();
    let text = format!("SELECT {} FROM ({selected}) AS selected", counts.join(", "));
    let row = all.query(sql(text)).fetch_one(db).await?;
    (0..asked.len()).map(|place| row.try_get(place)).collect()
}
