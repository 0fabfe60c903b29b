//! Which letters people want.

use sqlx::{AnyExecutor, Row};

use crate::accounts::LetterKind;
use crate::platform::db::Write;
use crate::shared::UserId;

/// The address of a person, unless the person is disabled.
pub async fn address(write: &mut Write, user: UserId) -> Result<Option<String>, sqlx::Error> {
    let row = sqlx::query("SELECT email FROM users WHERE id = $1 AND disabled_at IS NULL")
        .bind(user)
        .fetch_optional(&mut **write)
        .await?;
    row.map(|row| row.try_get("email")).transpose()
}

pub async fn unwanted(db: impl AnyExecutor<'_>, user: UserId) -> Result<Vec<LetterKind>, sqlx::Error> {
    let letters: Vec<String> = sqlx::query_scalar("SELECT letter FROM unwanted_letters WHERE user_id = $1")
        .bind(user)
        .fetch_all(db)
        .await?;
    Ok(letters.iter().filter_map(|letter| LetterKind::parse(letter)).collect())
}

pub async fn set_unwanted(
    write: &mut Write,
    user: UserId,
    letters: &[LetterKind],
) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM unwanted_letters WHERE user_id = $1").bind(user).execute(&mut **write).await?;
    for letter in letters {
        sqlx::query("INSERT INTO unwanted_letters (user_id, letter) VALUES ($1, $2)")
            .bind(user)
            .bind(letter.as_str())
            .execute(&mut **write)
            .await?;
    }
    Ok(())
}
