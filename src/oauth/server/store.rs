//! All SQL of logins through the browser. Codes and refresh tokens are stored as hashes.

use std::net::IpAddr;

use sqlx::any::AnyRow;
use sqlx::{AnyExecutor, AnyPool, Row as _};

use super::client::{ClientOrigin, McpClient};
use crate::platform::db::Write;
use crate::shared::{KeyId, OrgId, Role, Timestamp, UserId};

/// An approved login that the app has not redeemed yet, or has redeemed.
#[derive(Clone, Debug)]
pub struct AuthorizationCode {
    pub client_id: String,
    pub client_name: String,
    pub redirect_uri: String,
    pub challenge: String,
    pub user: UserId,
    pub org: OrgId,
    pub role: Role,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    pub redeemed_at: Option<Timestamp>,
    pub key: Option<KeyId>,
}

/// A login whose app has a refresh token.
#[derive(Clone, Debug)]
pub struct RenewableLoginRow {
    pub key: KeyId,
    pub org: OrgId,
    pub user: UserId,
    pub client_id: String,
    pub role: Role,
    pub renewed_at: Timestamp,
}

#[derive(Clone, Debug)]
pub struct RefreshToken {
    pub key: KeyId,
    /// Of its login.
    pub org: OrgId,
    pub client_id: String,
    pub used_at: Option<Timestamp>,
    pub successor_hash: Option<String>,
    pub replaced_at: Option<Timestamp>,
}

fn parsed<T>(value: Option<T>, what: &str) -> Result<T, sqlx::Error> {
    value.ok_or_else(|| sqlx::Error::Decode(format!("invalid {what}").into()))
}

fn role(row: &AnyRow) -> Result<Role, sqlx::Error> {
    parsed(Role::parse(&row.try_get::<String, _>("role")?), "role")
}

fn time(row: &AnyRow, name: &str) -> Result<Option<Timestamp>, sqlx::Error> {
    Ok(row.try_get::<Option<i64>, _>(name)?.map(Timestamp::from_millis))
}

pub async fn find_client(pool: &AnyPool, id: &str) -> Result<Option<McpClient>, sqlx::Error> {
    let row = sqlx::query("SELECT id, name, redirect_uris, created_at FROM oauth_clients WHERE id = $1")
        .bind(id)
        .fetch_optional(pool)
        .await?;
    row.map(|row| {
        let uris: String = row.try_get("redirect_uris")?;
        let at = Timestamp::from_millis(row.try_get("created_at")?);
        Ok(McpClient {
            id: row.try_get("id")?,
            name: row.try_get("name")?,
            origin: ClientOrigin::Registered { at },
            redirect_uris: parsed(serde_json::from_str(&uris).ok(), "redirect URIs")?,
        })
    })
    .transpose()
}

pub async fn insert_client(
    write: &mut Write,
    client: &McpClient,
    subscriber: IpAddr,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO oauth_clients (id, name, redirect_uris, subscriber, created_at) VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(&client.id)
    .bind(&client.name)
    .bind(serde_json::Value::from(client.redirect_uris.clone()).to_string())
    .bind(subscriber.to_string())
    .bind(now.millis())
    .execute(&mut **write)
    .await
    .map(drop)
}

pub async fn count_unused(write: &mut Write) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("SELECT COUNT(*) FROM oauth_clients WHERE used_at IS NULL")
        .fetch_one(&mut **write)
        .await
}

pub async fn count_unused_of(write: &mut Write, subscriber: IpAddr) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("SELECT COUNT(*) FROM oauth_clients WHERE subscriber = $1 AND used_at IS NULL")
        .bind(subscriber.to_string())
        .fetch_one(&mut **write)
        .await
}

/// Notes that somebody approved a login of the app. Returns false when a registered app was swept.
pub async fn mark_client_used(write: &mut Write, id: &str, now: Timestamp) -> Result<bool, sqlx::Error> {
    let done = sqlx::query("UPDATE oauth_clients SET used_at = COALESCE(used_at, $2) WHERE id = $1")
        .bind(id)
        .bind(now.millis())
        .execute(&mut **write)
        .await?;
    Ok(done.rows_affected() == 1)
}

pub async fn delete_unused_clients(write: &mut Write, before: Timestamp) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM oauth_clients WHERE used_at IS NULL AND created_at < $1")
        .bind(before.millis())
        .execute(&mut **write)
        .await
        .map(drop)
}

pub async fn insert_code(write: &mut Write, hash: &str, code: &AuthorizationCode) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO oauth_codes (code_hash, client_id, client_name, redirect_uri, challenge, user_id, org_id, role, \
         created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(hash)
    .bind(&code.client_id)
    .bind(&code.client_name)
    .bind(&code.redirect_uri)
    .bind(&code.challenge)
    .bind(code.user)
    .bind(code.org)
    .bind(code.role.as_str())
    .bind(code.created_at.millis())
    .bind(code.expires_at.millis())
    .execute(&mut **write)
    .await
    .map(drop)
}

pub async fn find_code(pool: &AnyPool, hash: &str) -> Result<Option<AuthorizationCode>, sqlx::Error> {
    let row = sqlx::query(
        "SELECT client_id, client_name, redirect_uri, challenge, user_id, org_id, role, created_at, expires_at, \
         redeemed_at, key_id FROM oauth_codes WHERE code_hash = $1",
    )
    .bind(hash)
    .fetch_optional(pool)
    .await?;
    row.map(|row| {
        Ok(AuthorizationCode {
            client_id: row.try_get("client_id")?,
            client_name: row.try_get("client_name")?,
            redirect_uri: row.try_get("redirect_uri")?,
            challenge: row.try_get("challenge")?,
            user: row.try_get("user_id")?,
            org: row.try_get("org_id")?,
            role: role(&row)?,
            created_at: Timestamp::from_millis(row.try_get("created_at")?),
            expires_at: Timestamp::from_millis(row.try_get("expires_at")?),
            redeemed_at: time(&row, "redeemed_at")?,
            key: row.try_get("key_id")?,
        })
    })
    .transpose()
}

/// Redeems a code. Of several concurrent calls, at most one succeeds.
pub async fn redeem_code(
    write: &mut Write,
    hash: &str,
    now: Timestamp,
    key: KeyId,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(
        "UPDATE oauth_codes SET redeemed_at = $2, key_id = $3 \
         WHERE code_hash = $1 AND redeemed_at IS NULL AND expires_at > $2",
    )
    .bind(hash)
    .bind(now.millis())
    .bind(key)
    .execute(&mut **write)
    .await?;
    Ok(done.rows_affected() == 1)
}

pub async fn delete_codes_expired_before(write: &mut Write, before: Timestamp) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM oauth_codes WHERE expires_at < $1")
        .bind(before.millis())
        .execute(&mut **write)
        .await
        .map(drop)
}

pub async fn insert_login(write: &mut Write, login: &RenewableLoginRow) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO oauth_logins (key_id, org_id, user_id, client_id, role, created_at, renewed_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $6)",
    )
    .bind(login.key)
    .bind(login.org)
    .bind(login.user)
    .bind(&login.client_id)
    .bind(login.role.as_str())
    .bind(login.renewed_at.millis())
    .execute(&mut **write)
    .await
    .map(drop)
}

/// Locks a login until the end of the transaction, so that its renewals run one after the other.
pub async fn lock_login(write: &mut Write, key: KeyId) -> Result<Option<RenewableLoginRow>, sqlx::Error> {
    let row = sqlx::query(
        "UPDATE oauth_logins SET renewed_at = renewed_at WHERE key_id = $1 \
         RETURNING key_id, org_id, user_id, client_id, role, renewed_at",
    )
    .bind(key)
    .fetch_optional(&mut **write)
    .await?;
    row.map(|row| {
        Ok(RenewableLoginRow {
            key: row.try_get("key_id")?,
            org: row.try_get("org_id")?,
            user: row.try_get("user_id")?,
            client_id: row.try_get("client_id")?,
            role: role(&row)?,
            renewed_at: Timestamp::from_millis(row.try_get("renewed_at")?),
        })
    })
    .transpose()
}

pub async fn set_renewed_at(write: &mut Write, key: KeyId, now: Timestamp) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE oauth_logins SET renewed_at = $2 WHERE key_id = $1")
        .bind(key)
        .bind(now.millis())
        .execute(&mut **write)
        .await
        .map(drop)
}

/// At most 500 logins that were not renewed since this time.
pub async fn logins_renewed_before(pool: &AnyPool, before: Timestamp) -> Result<Vec<KeyId>, sqlx::Error> {
    sqlx::query_scalar("SELECT key_id FROM oauth_logins WHERE renewed_at <= $1 ORDER BY renewed_at LIMIT 500")
        .bind(before.millis())
        .fetch_all(pool)
        .await
}

/// Deletes a login with its refresh tokens.
pub async fn delete_login(write: &mut Write, key: KeyId) -> Result<(), sqlx::Error> {
    for text in
        ["DELETE FROM oauth_refresh_tokens WHERE key_id = $1", "DELETE FROM oauth_logins WHERE key_id = $1"]
    {
        sqlx::query(text).bind(key).execute(&mut **write).await?;
    }
    Ok(())
}

pub async fn insert_refresh_token(
    write: &mut Write,
    hash: &str,
    key: KeyId,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    sqlx::query("INSERT INTO oauth_refresh_tokens (token_hash, key_id, created_at) VALUES ($1, $2, $3)")
        .bind(hash)
        .bind(key)
        .bind(now.millis())
        .execute(&mut **write)
        .await
        .map(drop)
}

pub async fn find_refresh_token(
    db: impl AnyExecutor<'_>,
    hash: &str,
) -> Result<Option<RefreshToken>, sqlx::Error> {
    let row = sqlx::query(
        "SELECT oauth_logins.key_id, org_id, client_id, used_at, successor_hash, replaced_at FROM oauth_refresh_tokens \
         JOIN oauth_logins ON oauth_logins.key_id = oauth_refresh_tokens.key_id WHERE token_hash = $1",
    )
    .bind(hash)
    .fetch_optional(db)
    .await?;
    row.map(|row| {
        Ok(RefreshToken {
            key: row.try_get("key_id")?,
            org: row.try_get("org_id")?,
            client_id: row.try_get("client_id")?,
            used_at: time(&row, "used_at")?,
            successor_hash: row.try_get("successor_hash")?,
            replaced_at: time(&row, "replaced_at")?,
        })
    })
    .transpose()
}

/// Notes the use of a refresh token. The time of its first use stays.
pub async fn set_successor(
    write: &mut Write,
    hash: &str,
    successor: &str,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE oauth_refresh_tokens SET successor_hash = $2, used_at = COALESCE(used_at, $3) WHERE token_hash = $1",
    )
    .bind(hash)
    .bind(successor)
    .bind(now.millis())
    .execute(&mut **write)
    .await
    .map(drop)
}

/// Replaces a refresh token that was not used. Returns false when it was used or replaced.
pub async fn replace_unused(write: &mut Write, hash: &str, now: Timestamp) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(
        "UPDATE oauth_refresh_tokens SET replaced_at = $2 \
         WHERE token_hash = $1 AND used_at IS NULL AND replaced_at IS NULL",
    )
    .bind(hash)
    .bind(now.millis())
    .execute(&mut **write)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Deletes former refresh tokens that were created before this time.
pub async fn delete_former_tokens(write: &mut Write, before: Timestamp) -> Result<(), sqlx::Error> {
    sqlx::query(
        "DELETE FROM oauth_refresh_tokens WHERE created_at < $1 AND (used_at IS NOT NULL OR replaced_at IS NOT NULL)",
    )
    .bind(before.millis())
    .execute(&mut **write)
    .await
    .map(drop)
}
