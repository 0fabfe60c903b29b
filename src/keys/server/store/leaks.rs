//! The columns of keys about leaked secrets, and about who rotated a key last.

use crate::platform::db::Write;
use crate::shared::{KeyId, PrincipalKind, SecretId, UserId};

/// Records whether a person or a key received the current secret.
pub async fn set_rotated_by(
    write: &mut Write,
    key: KeyId,
    by: PrincipalKind,
    receiver: UserId,
) -> Result<(), sqlx::Error> {
    let by = match by {
        PrincipalKind::Person => "person",
        PrincipalKind::Key => "key",
    };
    sqlx::query("UPDATE keys SET rotated_by = $2, rotated_by_id = $3 WHERE id = $1")
        .bind(key)
        .bind(by)
        .bind(receiver)
        .execute(&mut **write)
        .await
        .map(drop)
}

/// Whether a person rotated the key last. False when that is not known.
pub async fn is_rotated_by_person(write: &mut Write, key: KeyId) -> Result<bool, sqlx::Error> {
    let by: Option<String> = sqlx::query_scalar("SELECT rotated_by FROM keys WHERE id = $1")
        .bind(key)
        .fetch_one(&mut **write)
        .await?;
    Ok(by.as_deref() == Some("person"))
}

/// The person who received the current secret by rotating the key.
pub async fn receiver(write: &mut Write, key: KeyId) -> Result<Option<UserId>, sqlx::Error> {
    sqlx::query_scalar("SELECT rotated_by_id FROM keys WHERE id = $1").bind(key).fetch_one(&mut **write).await
}

/// Records who holds the secret of a key that another key created.
pub async fn set_receiver(write: &mut Write, key: KeyId, receiver: UserId) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE keys SET rotated_by_id = $2 WHERE id = $1")
        .bind(key)
        .bind(receiver)
        .execute(&mut **write)
        .await
        .map(drop)
}

pub async fn set_leaked(write: &mut Write, key: KeyId, secret: SecretId) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE keys SET leaked_secret_id = $2 WHERE id = $1")
        .bind(key)
        .bind(secret)
        .execute(&mut **write)
        .await
        .map(drop)
}
