//! Stored reminders: all reminders of a person are sent in one letter.

use sqlx::any::AnyRow;
use sqlx::{AnyPool, Row};

use crate::accounts::LetterKind;
use crate::platform::db::{Write, sql};
use crate::shared::{KeyId, Timestamp, UserId};

/// A key that a person is to be reminded of.
#[derive(Clone, Debug)]
pub struct WaitingReminder {
    pub key: KeyId,
    pub letter: LetterKind,
    /// The expiry of the key, or since when it has not been used.
    pub about: Timestamp,
    pub created_at: Timestamp,
}

pub async fn add_reminder(
    write: &mut Write,
    user: UserId,
    reminder: &WaitingReminder,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO waiting_reminders (user_id, key_id, letter, about, created_at) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT DO NOTHING",
    )
    .bind(user)
    .bind(reminder.key)
    .bind(reminder.letter.as_str())
    .bind(reminder.about.millis())
    .bind(reminder.created_at.millis())
    .execute(&mut **write)
    .await
    .map(drop)
}

/// The people for whom reminders wait.
pub async fn people_to_remind(pool: &AnyPool) -> Result<Vec<UserId>, sqlx::Error> {
    sqlx::query_scalar("SELECT DISTINCT user_id FROM waiting_reminders ORDER BY user_id")
        .fetch_all(pool)
        .await
}

/// Removes and returns all reminders of a person. If several processes do this, only one gets them.
pub async fn take_reminders(write: &mut Write, user: UserId) -> Result<Vec<WaitingReminder>, sqlx::Error> {
    let rows = sqlx::query(
        "DELETE FROM waiting_reminders WHERE user_id = $1 RETURNING key_id, letter, about, created_at",
    )
    .bind(user)
    .fetch_all(&mut **write)
    .await?;
    let reminder = |row: &AnyRow| {
        let letter: String = row.try_get("letter")?;
        let Some(letter) = LetterKind::parse(&letter) else { return Ok(None) };
        Ok(Some(WaitingReminder {
            key: row.try_get("key_id")?,
            letter,
            about: Timestamp::from_millis(row.try_get("about")?),
            created_at: Timestamp::from_millis(row.try_get("created_at")?),
        }))
    };
    rows.iter().filter_map(|row| reminder(row).transpose()).collect()
}

/// A key as a letter names it.
#[derive(Clone, Debug)]
pub struct RemindedKey {
    pub key: KeyId,
    pub name: String,
    pub org_name: String,
    pub expires_at: Option<Timestamp>,
    pub unused_since: Timestamp,
}

/// The keys among these that are still valid.
pub async fn reminded_keys(
    pool: &AnyPool,
    ids: &[KeyId],
    now: Timestamp,
) -> Result<Vec<RemindedKey>, sqlx::Error> {
    const ROWS: usize = 500;
    let mut keys = Vec::with_capacity(ids.len());
    for ids in ids.chunks(ROWS) {
        let placeholders: Vec<String> = (2..ids.len() + 2).map(|number| format!("${number}")).collect();
        let text = format!(
            "SELECT keys.id AS id, keys.name AS name, organizations.name AS org_name, expires_at, \
             CASE WHEN last_used_at > keys.created_at THEN last_used_at ELSE keys.created_at END AS unused_since \
             FROM keys JOIN organizations ON organizations.id = keys.org_id \
             WHERE revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $1) AND keys.id IN ({})",
            placeholders.join(", ")
        );
        let query = sqlx::query(sql(text)).bind(now.millis());
        let query = ids.iter().fold(query, |query, id| query.bind(id));
        for row in query.fetch_all(pool).await? {
            keys.push(RemindedKey {
                key: row.try_get("id")?,
                name: row.try_get("name")?,
                org_name: row.try_get("org_name")?,
                expires_at: row.try_get::<Option<i64>, _>("expires_at")?.map(Timestamp::from_millis),
                unused_since: Timestamp::from_millis(row.try_get("unused_since")?),
            });
        }
    }
    Ok(keys)
}
