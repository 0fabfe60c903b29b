//! The keys that have permissions: for all permissions of a page together.

use std::collections::HashMap;

use sqlx::{AnyPool, Row};

use super::super::key::Key;
use super::read::{key, select};
use crate::platform::db::{ROWS_PER_STATEMENT, row_placeholders, sql};
use crate::shared::{KeyId, PermissionId};

/// SQLite takes at most 500 parts of a statement that are joined by UNION.
const UNION_PARTS: usize = 200;

/// For each group, the number of keys with one of its permissions. Counting stops at `most`.
pub async fn count_holders(
    pool: &AnyPool,
    groups: &[Vec<PermissionId>],
    most: i64,
) -> Result<Vec<i64>, sqlx::Error> {
    let mut counts = Vec::with_capacity(groups.len());
    for groups in groups.chunks(UNION_PARTS) {
        let mut ids: Vec<PermissionId> = Vec::new();
        let mut parts = Vec::with_capacity(groups.len());
        for (number, group) in groups.iter().enumerate() {
            let places: Vec<String> = group
                .iter()
                .map(|id| {
                    ids.push(*id);
                    format!("${}", ids.len() + 1)
                })
                .collect();
            // A key has a permission once, so one permission needs no DISTINCT.
            let distinct = if group.len() > 1 { "DISTINCT" } else { "" };
            parts.push(format!(
                "(SELECT COUNT(*) FROM (SELECT {distinct} key_id FROM key_permissions \
                 WHERE permission_id IN ({}) LIMIT $1) AS held{number})",
                places.join(", ")
            ));
        }
        if parts.is_empty() {
            continue;
        }
        let query = sqlx::query(sql(format!("SELECT {}", parts.join(", ")))).bind(most);
        let row = ids.iter().fold(query, |query, id| query.bind(id)).fetch_one(pool).await?;
        for place in 0..parts.len() {
            counts.push(row.try_get(place)?);
        }
    }
    Ok(counts)
}

/// The newest keys of each permission, the newest first.
pub async fn newest_holders(
    pool: &AnyPool,
    permissions: &[PermissionId],
    most: i64,
) -> Result<HashMap<PermissionId, Vec<KeyId>>, sqlx::Error> {
    let mut holders: HashMap<PermissionId, Vec<KeyId>> = HashMap::new();
    for permissions in permissions.chunks(UNION_PARTS) {
        let part = |number: usize| {
            format!(
                "SELECT permission_id, key_id FROM (SELECT permission_id, key_id FROM key_permissions \
                 WHERE permission_id = ${} ORDER BY key_id DESC LIMIT $1) AS newest{number}",
                number + 2
            )
        };
        let parts: Vec<String> = (0..permissions.len()).map(part).collect();
        let query = sqlx::query(sql(parts.join(" UNION ALL "))).bind(most);
        for row in permissions.iter().fold(query, |query, id| query.bind(id)).fetch_all(pool).await? {
            holders.entry(row.try_get("permission_id")?).or_default().push(row.try_get("key_id")?);
        }
    }
    for keys in holders.values_mut() {
        keys.sort_unstable_by(|one, other| other.cmp(one));
    }
    Ok(holders)
}

/// Keys by id, without the names of their permissions.
pub async fn find_all(pool: &AnyPool, ids: &[KeyId]) -> Result<HashMap<KeyId, Key>, sqlx::Error> {
    let mut found = HashMap::with_capacity(ids.len());
    for ids in ids.chunks(ROWS_PER_STATEMENT) {
        let text = format!("{} {}", select!("WHERE id IN"), row_placeholders(1, ids.len()));
        let query = ids.iter().fold(sqlx::query(sql(text)), |query, id| query.bind(id));
        for row in query.fetch_all(pool).await? {
            let key = key(&row)?;
            found.insert(key.id, key);
        }
    }
    Ok(found)
}
