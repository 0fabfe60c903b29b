//! People and the browsers they have used.

use std::collections::HashMap;

use sqlx::any::AnyRow;
use sqlx::{AnyExecutor, AnyPool, Row};

use crate::accounts::{email_key, name_key};
use crate::platform::db::{Write, row_placeholders, sql};
use crate::shared::{Timestamp, UserId};

#[derive(Clone)]
pub struct User {
    pub id: UserId,
    pub email: String,
    pub name: String,
    pub password_hash: Option<String>,
    pub epoch: i64,
    pub disabled_at: Option<Timestamp>,
    pub has_factor: bool,
}

const SELECT: &str = "SELECT users.id, email, name, password_hash, epoch, disabled_at, second_factors.created_at AS factor_at \
                      FROM users LEFT JOIN second_factors ON second_factors.user_id = users.id";

fn user(row: &AnyRow) -> Result<User, sqlx::Error> {
    Ok(User {
        id: row.try_get("id")?,
        email: row.try_get("email")?,
        name: row.try_get("name")?,
        password_hash: row.try_get("password_hash")?,
        epoch: row.try_get("epoch")?,
        disabled_at: row.try_get::<Option<i64>, _>("disabled_at")?.map(Timestamp::from_millis),
        has_factor: row.try_get::<Option<i64>, _>("factor_at")?.is_some(),
    })
}

async fn find_where<'e>(
    executor: impl AnyExecutor<'e>,
    condition: &str,
    value: &str,
) -> Result<Option<User>, sqlx::Error> {
    let text = crate::platform::db::sql(format!("{SELECT} WHERE {condition}"));
    let row = sqlx::query(text).bind(value.to_owned()).fetch_optional(executor).await?;
    row.as_ref().map(user).transpose()
}

pub async fn by_id<'e>(executor: impl AnyExecutor<'e>, id: UserId) -> Result<Option<User>, sqlx::Error> {
    find_where(executor, "users.id = $1", &id.to_string()).await
}

pub async fn by_email<'e>(executor: impl AnyExecutor<'e>, email: &str) -> Result<Option<User>, sqlx::Error> {
    find_where(executor, "email_key = $1", &email_key(email)).await
}

/// Returns true if there is at least one account.
pub async fn any<'e>(executor: impl AnyExecutor<'e>) -> Result<bool, sqlx::Error> {
    let row = sqlx::query("SELECT id FROM users LIMIT 1").fetch_optional(executor).await?;
    Ok(row.is_some())
}

/// Returns false if the address has an account already.
pub async fn insert(
    write: &mut Write,
    id: UserId,
    email: &str,
    name: &str,
    password_hash: Option<&str>,
    now: Timestamp,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(
        "INSERT INTO users (id, email, email_key, name, name_key, password_hash, epoch, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, 0, $7) \
         ON CONFLICT (email_key) DO NOTHING",
    )
    .bind(id)
    .bind(email)
    .bind(email_key(email))
    .bind(name)
    .bind(name_key(name))
    .bind(password_hash)
    .bind(now.millis())
    .execute(&mut **write)
    .await?;
    Ok(done.rows_affected() == 1)
}

pub async fn set_name(write: &mut Write, id: UserId, name: &str) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE users SET name = $2, name_key = $3 WHERE id = $1")
        .bind(id)
        .bind(name)
        .bind(name_key(name))
        .execute(&mut **write)
        .await
        .map(drop)
}

/// Locks the person's row until the end of the transaction. Returns false if the epoch has changed or the person is
/// disabled.
pub async fn lock(write: &mut Write, id: UserId, epoch: i64) -> Result<bool, sqlx::Error> {
    let done =
        sqlx::query("UPDATE users SET epoch = epoch WHERE id = $1 AND epoch = $2 AND disabled_at IS NULL")
            .bind(id)
            .bind(epoch)
            .execute(&mut **write)
            .await?;
    Ok(done.rows_affected() == 1)
}

/// Increments the epoch, which invalidates sessions and sign-ins of the earlier one. Returns false if the epoch has
/// changed already or the person is disabled.
pub async fn raise_epoch(write: &mut Write, id: UserId, epoch: i64) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(
        "UPDATE users SET epoch = epoch + 1 WHERE id = $1 AND epoch = $2 AND disabled_at IS NULL",
    )
    .bind(id)
    .bind(epoch)
    .execute(&mut **write)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Sets the password and increments the epoch. Returns false if the epoch has changed already, so only one of two
/// concurrent changes succeeds.
pub async fn set_password(
    write: &mut Write,
    id: UserId,
    epoch: i64,
    hash: &str,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(
        "UPDATE users SET password_hash = $3, epoch = epoch + 1 \
         WHERE id = $1 AND epoch = $2 AND disabled_at IS NULL",
    )
    .bind(id)
    .bind(epoch)
    .bind(hash)
    .execute(&mut **write)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Disables the person, or enables them when `at` is None. Returns false if nothing changed.
pub async fn set_disabled(write: &mut Write, id: UserId, at: Option<Timestamp>) -> Result<bool, sqlx::Error> {
    let text = match at {
        Some(_) => {
            "UPDATE users SET disabled_at = $2, epoch = epoch + 1 WHERE id = $1 AND disabled_at IS NULL"
        }
        None => {
            "UPDATE users SET disabled_at = $2, epoch = epoch + 1 WHERE id = $1 AND disabled_at IS NOT NULL"
        }
    };
    let done = sqlx::query(text).bind(id).bind(at.map(Timestamp::millis)).execute(&mut **write).await?;
    Ok(done.rows_affected() == 1)
}

pub async fn knows_browser<'e>(
    executor: impl AnyExecutor<'e>,
    id: UserId,
    token_hash: &str,
    since: Timestamp,
) -> Result<bool, sqlx::Error> {
    let text =
        "SELECT user_id FROM known_browsers WHERE user_id = $1 AND token_hash = $2 AND created_at > $3";
    let row =
        sqlx::query(text).bind(id).bind(token_hash).bind(since.millis()).fetch_optional(executor).await?;
    Ok(row.is_some())
}

pub async fn remember_browser(
    write: &mut Write,
    id: UserId,
    token_hash: &str,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO known_browsers (user_id, token_hash, created_at) VALUES ($1, $2, $3) \
         ON CONFLICT (user_id, token_hash) DO UPDATE SET created_at = excluded.created_at",
    )
    .bind(id)
    .bind(token_hash)
    .bind(now.millis())
    .execute(&mut **write)
    .await?;
    // Keep only the newest browsers, so that many sign-ins of one person do not fill the table.
    sqlx::query(
        "DELETE FROM known_browsers WHERE user_id = $1 AND token_hash NOT IN \
         (SELECT token_hash FROM known_browsers WHERE user_id = $1 ORDER BY created_at DESC, token_hash LIMIT 20)",
    )
    .bind(id)
    .execute(&mut **write)
    .await
    .map(drop)
}

pub async fn delete_browsers_before(write: &mut Write, before: Timestamp) -> Result<u64, sqlx::Error> {
    let done = sqlx::query("DELETE FROM known_browsers WHERE created_at < $1")
        .bind(before.millis())
        .execute(&mut **write)
        .await?;
    Ok(done.rows_affected())
}

/// The names of these people.
pub async fn names(pool: &AnyPool, ids: &[UserId]) -> Result<HashMap<UserId, String>, sqlx::Error> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let text = format!("SELECT id, name FROM users WHERE id IN {}", row_placeholders(1, ids.len()));
    let query = ids.iter().fold(sqlx::query(sql(text)), |query, id| query.bind(id));
    let rows = query.fetch_all(pool).await?;
    rows.iter().map(|row| Ok((row.try_get("id")?, row.try_get("name")?))).collect()
}
