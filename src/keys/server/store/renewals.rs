//! The secrets of logins that their programs renew.

use sqlx::Row;

use super::super::Key;
use super::read::secret_id;
use crate::platform::db::Write;
use crate::shared::{KeyId, SecretId, Timestamp};

/// Stores the secrets and the role of a locked key whose login was renewed.
pub async fn set_renewed(write: &mut Write, key: &Key) -> Result<(), sqlx::Error> {
    let replaced = key.renewal.and_then(|renewal| renewal.replaced);
    sqlx::query(
        "UPDATE keys SET secret_id = $2, role = $3, secret_until = $4, renewed_secret_id = $5, renewed_until = $6 \
         WHERE id = $1",
    )
    .bind(key.id)
    .bind(key.secret)
    .bind(key.role.as_str())
    .bind(key.renewal.map(|renewal| renewal.until.millis()))
    .bind(replaced.map(|(secret, _)| secret.to_string()))
    .bind(replaced.map(|(_, until)| until.millis()))
    .execute(&mut **write)
    .await
    .map(drop)
}

/// At most 500 keys whose replaced secret has ended, with that secret.
pub async fn ended_renewals(
    write: &mut Write,
    now: Timestamp,
) -> Result<Vec<(KeyId, SecretId, Timestamp)>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT id, renewed_secret_id, renewed_until FROM keys WHERE renewed_until <= $1 ORDER BY id LIMIT 500",
    )
    .bind(now.millis())
    .fetch_all(&mut **write)
    .await?;
    rows.iter()
        .map(|row| {
            let secret = secret_id(&row.try_get::<String, _>("renewed_secret_id")?)?;
            Ok((row.try_get("id")?, secret, Timestamp::from_millis(row.try_get("renewed_until")?)))
        })
        .collect()
}

/// Removes a replaced secret from its key, unless the login was renewed again since.
pub async fn clear_renewed(write: &mut Write, key: KeyId, secret: SecretId) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE keys SET renewed_secret_id = NULL, renewed_until = NULL WHERE id = $1 AND renewed_secret_id = $2",
    )
    .bind(key)
    .bind(secret)
    .execute(&mut **write)
    .await
    .map(drop)
}

/// Deletes secrets of renewed logins that ended before this time. The last one of each key stays.
pub async fn delete_ended_login_secrets(write: &mut Write, before: Timestamp) -> Result<(), sqlx::Error> {
    sqlx::query(
        "DELETE FROM secrets WHERE ended_at < $1 AND key_id IN (SELECT id FROM keys WHERE audience IS NOT NULL) \
         AND id NOT IN (SELECT secret_id FROM keys WHERE audience IS NOT NULL)",
    )
    .bind(before.millis())
    .execute(&mut **write)
    .await
    .map(drop)
}
