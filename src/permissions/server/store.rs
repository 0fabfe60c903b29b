//! The tables `permissions` and `key_permissions`.

use std::collections::HashMap;

use sqlx::any::AnyRow;
use sqlx::{AnyExecutor, Row};

use crate::platform::db::{ROWS_PER_STATEMENT, Write, row_placeholders, sql};
use crate::shared::{KeyId, OrgId, PermissionId, Timestamp};

#[derive(Clone, Debug)]
pub struct PermissionRow {
    pub id: PermissionId,
    pub name: String,
    pub description: String,
    pub asked_at: Option<Timestamp>,
}

fn row(row: &AnyRow) -> Result<PermissionRow, sqlx::Error> {
    let asked_at: i64 = row.try_get("asked_at")?;
    Ok(PermissionRow {
        id: row.try_get("id")?,
        name: row.try_get("name")?,
        description: row.try_get("description")?,
        asked_at: (asked_at > 0).then(|| Timestamp::from_millis(asked_at)),
    })
}

/// All permissions of an organization, by name.
pub async fn list(db: impl AnyExecutor<'_>, org: OrgId) -> Result<Vec<PermissionRow>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT id, name, description, asked_at FROM permissions WHERE org_id = $1 ORDER BY name",
    )
    .bind(org)
    .fetch_all(db)
    .await?;
    rows.iter().map(row).collect()
}

pub async fn find(
    db: impl AnyExecutor<'_>,
    org: OrgId,
    id: PermissionId,
) -> Result<Option<PermissionRow>, sqlx::Error> {
    let found =
        sqlx::query("SELECT id, name, description, asked_at FROM permissions WHERE org_id = $1 AND id = $2")
            .bind(org)
            .bind(id)
            .fetch_optional(db)
            .await?;
    found.as_ref().map(row).transpose()
}

/// Returns false when the organization lists the name already.
pub async fn insert(
    write: &mut Write,
    org: OrgId,
    permission: &PermissionRow,
    now: Timestamp,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(
        "INSERT INTO permissions (id, org_id, name, description, created_at, asked_at) VALUES ($1, $2, $3, $4, $5, 0) \
         ON CONFLICT DO NOTHING",
    )
    .bind(permission.id)
    .bind(org)
    .bind(&permission.name)
    .bind(&permission.description)
    .bind(now.millis())
    .execute(&mut **write)
    .await?;
    Ok(done.rows_affected() == 1)
}

pub async fn set_description(
    write: &mut Write,
    id: PermissionId,
    description: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE permissions SET description = $2 WHERE id = $1")
        .bind(id)
        .bind(description)
        .execute(&mut **write)
        .await
        .map(drop)
}

/// Deletes a permission and takes it from the keys that have it. Returns the number of these keys.
pub async fn delete(write: &mut Write, id: PermissionId) -> Result<u64, sqlx::Error> {
    let taken = sqlx::query("DELETE FROM key_permissions WHERE permission_id = $1")
        .bind(id)
        .execute(&mut **write)
        .await?;
    sqlx::query("DELETE FROM permissions WHERE id = $1").bind(id).execute(&mut **write).await?;
    Ok(taken.rows_affected())
}

pub async fn set_asked_at(write: &mut Write, id: PermissionId, at: i64) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE permissions SET asked_at = $2 WHERE id = $1 AND asked_at < $2")
        .bind(id)
        .bind(at)
        .execute(&mut **write)
        .await
        .map(drop)
}

/// The ids of the permissions with these names. Names that the organization does not list are missing from the map.
pub async fn ids_of_names(
    write: &mut Write,
    org: OrgId,
    names: &[String],
) -> Result<HashMap<String, PermissionId>, sqlx::Error> {
    if names.is_empty() {
        return Ok(HashMap::new());
    }
    let text = format!(
        "SELECT id, name FROM permissions WHERE org_id = $1 AND name IN {}",
        numbered(2, names.len())
    );
    let query = names.iter().fold(sqlx::query(sql(text)).bind(org), |query, name| query.bind(name));
    let rows = query.fetch_all(&mut **write).await?;
    rows.iter().map(|row| Ok((row.try_get("name")?, row.try_get("id")?))).collect()
}

/// The parameters from `$first` on, in parentheses.
fn numbered(first: usize, count: usize) -> String {
    let placeholders: Vec<String> = (first..first + count).map(|number| format!("${number}")).collect();
    format!("({})", placeholders.join(", "))
}

/// The permissions of a key, sorted.
pub async fn ids_of_key(db: impl AnyExecutor<'_>, key: KeyId) -> Result<Vec<PermissionId>, sqlx::Error> {
    let mut ids: Vec<PermissionId> =
        sqlx::query_scalar("SELECT permission_id FROM key_permissions WHERE key_id = $1")
            .bind(key)
            .fetch_all(db)
            .await?;
    ids.sort_unstable();
    Ok(ids)
}

/// The permissions of some keys, sorted by name. The number of keys must not exceed the parameter limit of a statement.
pub async fn names_of_keys(
    db: impl AnyExecutor<'_>,
    keys: &[KeyId],
) -> Result<HashMap<KeyId, Vec<String>>, sqlx::Error> {
    let mut names: HashMap<KeyId, Vec<String>> = HashMap::new();
    if keys.is_empty() {
        return Ok(names);
    }
    let text = format!(
        "SELECT key_permissions.key_id, permissions.name FROM key_permissions JOIN permissions \
         ON permissions.id = key_permissions.permission_id WHERE key_permissions.key_id IN {} ORDER BY permissions.name",
        row_placeholders(1, keys.len())
    );
    let query = keys.iter().fold(sqlx::query(sql(text)), |query, key| query.bind(key));
    for row in query.fetch_all(db).await? {
        names.entry(row.try_get("key_id")?).or_default().push(row.try_get("name")?);
    }
    Ok(names)
}

/// Replaces the permissions of a key.
pub async fn set_of_key(write: &mut Write, key: KeyId, ids: &[PermissionId]) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM key_permissions WHERE key_id = $1").bind(key).execute(&mut **write).await?;
    for ids in ids.chunks(ROWS_PER_STATEMENT) {
        let text = format!(
            "INSERT INTO key_permissions (key_id, permission_id) VALUES {}",
            row_placeholders(ids.len(), 2)
        );
        let query = ids.iter().fold(sqlx::query(sql(text)), |query, id| query.bind(key).bind(id));
        query.execute(&mut **write).await?;
    }
    Ok(())
}
