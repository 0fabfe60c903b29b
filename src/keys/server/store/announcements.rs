//! Keys whose expiry is to be announced, by an event or by a letter.

use sqlx::AnyPool;

use crate::platform::db::{Write, sql};
use crate::shared::{KeyId, Timestamp};

/// Which keys are announced, and where it is noted.
#[derive(Clone, Copy)]
pub struct Announcement {
    /// The column with the expiry that was announced.
    pub column: &'static str,
    /// Keys that expire after this time …
    pub after: Timestamp,
    /// … and not after this one.
    pub until: Timestamp,
    /// None for an announcement that every key gets once.
    pub reminder: Option<Reminder>,
}

/// One of several announcements of the same expiry.
#[derive(Clone, Copy)]
pub struct Reminder {
    /// How many days before the expiry. Keys with a life that is not longer get none.
    pub days: i64,
    /// The column with the days of the last reminder of the announced expiry.
    pub column: &'static str,
}

const DAY: i64 = 24 * 60 * 60 * 1_000;

/// Keys of logins get no reminders, because logging in again renews them; nor do keys of runs, which live for one run.
const GETS_REMINDERS: &str = "login_device IS NULL AND kind <> 'run'";

/// `$1` and `$2` are the times of the announcement.
fn condition(what: Announcement) -> String {
    let column = what.column;
    let expires = "expires_at > $1 AND expires_at <= $2 AND revoked_at IS NULL";
    let is_new = format!("{column} IS NULL OR {column} <> expires_at");
    match what.reminder {
        None => format!("{expires} AND ({is_new})"),
        Some(Reminder { days, column }) => format!(
            "{expires} AND expires_at - created_at > {} AND {GETS_REMINDERS} \
             AND ({is_new} OR {column} IS NULL OR {column} > {days})",
            days * DAY
        ),
    }
}

/// Keys whose present expiry was not announced.
pub async fn find_unannounced(
    pool: &AnyPool,
    what: Announcement,
    limit: u32,
) -> Result<Vec<KeyId>, sqlx::Error> {
    let text = format!("SELECT id FROM keys WHERE {} ORDER BY expires_at LIMIT $3", condition(what));
    sqlx::query_scalar(sql(text))
        .bind(what.after.millis())
        .bind(what.until.millis())
        .bind(i64::from(limit))
        .fetch_all(pool)
        .await
}

/// Notes that the key's expiry is announced, which locks its row. Returns false if the expiry is already announced or no longer due.
pub async fn mark_announced(write: &mut Write, what: Announcement, id: KeyId) -> Result<bool, sqlx::Error> {
    let days = what.reminder.map(|Reminder { days, column }| format!(", {column} = {days}"));
    let text = format!(
        "UPDATE keys SET {} = expires_at{} WHERE id = $3 AND {}",
        what.column,
        days.unwrap_or_default(),
        condition(what)
    );
    let done = sqlx::query(sql(text))
        .bind(what.after.millis())
        .bind(what.until.millis())
        .bind(id)
        .execute(&mut **write)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Since when a key has not been used. A key that was never used counts from its creation.
const UNUSED_SINCE: &str = "CASE WHEN last_used_at > created_at THEN last_used_at ELSE created_at END";

fn is_newly_idle() -> String {
    format!(
        "revoked_at IS NULL AND disabled_at IS NULL AND (expires_at IS NULL OR expires_at > $1) AND {GETS_REMINDERS} \
         AND last_used_at <= $2 AND created_at <= $2 AND (told_idle_since IS NULL OR told_idle_since <> {UNUSED_SINCE})"
    )
}

/// Valid keys that were last used before `before`, unless that was noted since their last use.
pub async fn newly_idle(
    pool: &AnyPool,
    now: Timestamp,
    before: Timestamp,
    limit: u32,
) -> Result<Vec<KeyId>, sqlx::Error> {
    let text = format!("SELECT id FROM keys WHERE {} ORDER BY id LIMIT $3", is_newly_idle());
    sqlx::query_scalar(sql(text))
        .bind(now.millis())
        .bind(before.millis())
        .bind(i64::from(limit))
        .fetch_all(pool)
        .await
}

/// Notes that a key is idle. Returns false if that is noted already, or the key was used or has ended.
pub async fn mark_idle(
    write: &mut Write,
    now: Timestamp,
    before: Timestamp,
    id: KeyId,
) -> Result<bool, sqlx::Error> {
    let text =
        format!("UPDATE keys SET told_idle_since = {UNUSED_SINCE} WHERE id = $3 AND {}", is_newly_idle());
    let done = sqlx::query(sql(text))
        .bind(now.millis())
        .bind(before.millis())
        .bind(id)
        .execute(&mut **write)
        .await?;
    Ok(done.rows_affected() == 1)
}
