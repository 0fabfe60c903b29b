//! SQL of invitations: one per address and organization. The token is stored as a hash.

use sqlx::any::AnyRow;
use sqlx::{AnyExecutor, AnyPool, Row};

use super::role;
use crate::accounts::email_key;
use crate::platform::db::Write;
use crate::shared::{InvitationId, OrgId, Role, Timestamp, UserId};

#[derive(Clone, Debug)]
pub struct Invitation {
    pub id: InvitationId,
    pub org: OrgId,
    pub org_name: String,
    pub email: String,
    pub role: Role,
    pub inviter: String,
    /// The highest role the inviter may give now; None when they left or are disabled.
    pub inviter_role: Option<Role>,
    pub sent_at: Timestamp,
    pub expires_at: Timestamp,
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT invitations.id AS id, invitations.org_id AS org_id, organizations.name AS org_name, \
             invitations.email AS email, invitations.role AS role, users.name AS inviter, users.disabled_at AS disabled_at, \
             memberships.role AS inviter_role, sent_at, expires_at \
             FROM invitations JOIN organizations ON organizations.id = invitations.org_id \
             JOIN users ON users.id = invitations.invited_by \
             LEFT JOIN memberships ON memberships.org_id = invitations.org_id \
             AND memberships.user_id = invitations.invited_by ",
            $rest
        )
    };
}

fn invitation(row: &AnyRow) -> Result<Invitation, sqlx::Error> {
    let is_disabled = row.try_get::<Option<i64>, _>("disabled_at")?.is_some();
    let inviter_role = row.try_get::<Option<String>, _>("inviter_role")?;
    Ok(Invitation {
        id: row.try_get("id")?,
        org: row.try_get("org_id")?,
        org_name: row.try_get("org_name")?,
        email: row.try_get("email")?,
        role: role(row)?,
        inviter: row.try_get("inviter")?,
        inviter_role: inviter_role.filter(|_| !is_disabled).and_then(|role| Role::parse(&role)),
        sent_at: Timestamp::from_millis(row.try_get("sent_at")?),
        expires_at: Timestamp::from_millis(row.try_get("expires_at")?),
    })
}

/// Lists an organization's invitations, newest first.
pub async fn list(pool: &AnyPool, org: OrgId, limit: i64) -> Result<Vec<Invitation>, sqlx::Error> {
    let rows = sqlx::query(select!(
        "WHERE invitations.org_id = $1 ORDER BY invitations.sent_at DESC, invitations.id DESC LIMIT $2"
    ))
    .bind(org)
    .bind(limit)
    .fetch_all(pool)
    .await?;
    rows.iter().map(invitation).collect()
}

/// Finds an invitation of this organization.
pub async fn find(
    write: &mut Write,
    org: OrgId,
    id: InvitationId,
) -> Result<Option<Invitation>, sqlx::Error> {
    let row = sqlx::query(select!("WHERE invitations.org_id = $1 AND invitations.id = $2"))
        .bind(org)
        .bind(id)
        .fetch_optional(&mut **write)
        .await?;
    row.as_ref().map(invitation).transpose()
}

pub async fn find_by_email(
    write: &mut Write,
    org: OrgId,
    email: &str,
) -> Result<Option<Invitation>, sqlx::Error> {
    let row = sqlx::query(select!("WHERE invitations.org_id = $1 AND invitations.email_key = $2"))
        .bind(org)
        .bind(email_key(email))
        .fetch_optional(&mut **write)
        .await?;
    row.as_ref().map(invitation).transpose()
}

/// Finds the invitation of a valid link without consuming it.
pub async fn find_by_token<'e>(
    executor: impl AnyExecutor<'e>,
    token_hash: &str,
    now: Timestamp,
) -> Result<Option<Invitation>, sqlx::Error> {
    let row = sqlx::query(select!(
        "WHERE token_hash = $1 AND expires_at > $2 AND organizations.deleted_at IS NULL"
    ))
    .bind(token_hash.to_owned())
    .bind(now.millis())
    .fetch_optional(executor)
    .await?;
    row.as_ref().map(invitation).transpose()
}

/// A new invitation, or a new link and role for the one that the address has already.
pub struct NewInvitation<'a> {
    pub id: InvitationId,
    pub org: OrgId,
    pub email: &'a str,
    pub role: Role,
    pub token_hash: &'a str,
    pub by: UserId,
    pub now: Timestamp,
    pub expires_at: Timestamp,
}

pub async fn put(write: &mut Write, new: &NewInvitation<'_>) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO invitations (id, org_id, email, email_key, role, token_hash, invited_by, sent_at, expires_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
         ON CONFLICT (org_id, email_key) DO UPDATE SET role = excluded.role, token_hash = excluded.token_hash, \
         invited_by = excluded.invited_by, sent_at = excluded.sent_at, expires_at = excluded.expires_at",
    )
    .bind(new.id)
    .bind(new.org)
    .bind(new.email)
    .bind(email_key(new.email))
    .bind(new.role.as_str())
    .bind(new.token_hash)
    .bind(new.by)
    .bind(new.now.millis())
    .bind(new.expires_at.millis())
    .execute(&mut **write)
    .await
    .map(drop)
}

/// Returns false if it is gone already, so only one of two concurrent calls returns true.
pub async fn delete(write: &mut Write, id: InvitationId) -> Result<bool, sqlx::Error> {
    let done = sqlx::query("DELETE FROM invitations WHERE id = $1").bind(id).execute(&mut **write).await?;
    Ok(done.rows_affected() == 1)
}

/// Deletes invitations that expired before `before`.
pub async fn sweep(write: &mut Write, before: Timestamp) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM invitations WHERE expires_at < $1")
        .bind(before.millis())
        .execute(&mut **write)
        .await
        .map(drop)
}
