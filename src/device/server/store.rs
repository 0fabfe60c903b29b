//! All SQL of device authorization.

use std::net::IpAddr;

use sqlx::any::AnyRow;
use sqlx::{AnyPool, Row as _};

use crate::device::{LoginStatus, UserCode};
use crate::platform::db::Write;
use crate::shared::{KeyId, LoginId, OrgId, Role, Timestamp, UserId};

/// The protocol that the device uses. A code of one protocol is unknown to the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginProtocol {
    OAuth,
    ArmorIq,
}

impl LoginProtocol {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OAuth => "oauth",
            Self::ArmorIq => "armoriq",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::OAuth, Self::ArmorIq].into_iter().find(|wire| wire.as_str() == text)
    }
}

/// A device's request for a login.
#[derive(Clone, Debug)]
pub struct LoginRequest {
    pub id: LoginId,
    pub user_code: UserCode,
    pub wire: LoginProtocol,
    pub client_id: String,
    /// The highest role of the key; None for the person's own role.
    pub scope: Option<Role>,
    pub product: String,
    pub device_id: Option<String>,
    /// Empty when the device sent no name.
    pub device_name: String,
    pub address: String,
    pub user_agent: String,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    pub status: LoginStatus,
    /// Until when an approved login can be collected.
    pub redeem_until: Option<Timestamp>,
    pub decided_by: Option<UserId>,
    pub org: Option<OrgId>,
    pub role: Option<Role>,
    pub key: Option<KeyId>,
}

/// A person's decision.
pub struct Decision {
    pub status: LoginStatus,
    pub by: UserId,
    pub from: IpAddr,
    pub org: Option<OrgId>,
    pub role: Option<Role>,
    /// When the key expires; None for the latest time that is allowed.
    pub key_expires_at: Option<Timestamp>,
    pub redeem_until: Option<Timestamp>,
}

/// An approved login as it is consumed.
pub struct Approved {
    pub by: UserId,
    pub org: OrgId,
    pub role: Role,
    pub expires_at: Option<Timestamp>,
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, user_code, wire, client_id, scope, product, device_id, device_name, address, user_agent, ",
            "created_at, expires_at, status, redeem_until, decided_by, org_id, role, key_id FROM device_logins ",
            $rest
        )
    };
}

fn login(row: &AnyRow) -> Result<LoginRequest, sqlx::Error> {
    let text = |name| row.try_get::<String, _>(name);
    let nullable = |name| row.try_get::<Option<String>, _>(name);
    let (scope, role) = (text("scope")?, nullable("role")?);
    Ok(LoginRequest {
        id: row.try_get("id")?,
        user_code: parsed(UserCode::parse(&text("user_code")?), "user code")?,
        wire: parsed(LoginProtocol::parse(&text("wire")?), "wire")?,
        client_id: text("client_id")?,
        scope: if scope.is_empty() { None } else { Some(parsed(Role::parse(&scope), "role")?) },
        product: text("product")?,
        device_id: nullable("device_id")?,
        device_name: text("device_name")?,
        address: text("address")?,
        user_agent: text("user_agent")?,
        created_at: Timestamp::from_millis(row.try_get("created_at")?),
        expires_at: Timestamp::from_millis(row.try_get("expires_at")?),
        status: parsed(LoginStatus::parse(&text("status")?), "status")?,
        redeem_until: row.try_get::<Option<i64>, _>("redeem_until")?.map(Timestamp::from_millis),
        decided_by: row.try_get("decided_by")?,
        org: row.try_get("org_id")?,
        role: role.map(|role| parsed(Role::parse_of_key(&role), "role")).transpose()?,
        key: row.try_get("key_id")?,
    })
}

fn parsed<T>(value: Option<T>, what: &str) -> Result<T, sqlx::Error> {
    value.ok_or_else(|| sqlx::Error::Decode(format!("invalid {what}").into()))
}

/// Counts the pending logins.
pub async fn count_pending(write: &mut Write, now: Timestamp) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("SELECT COUNT(*) FROM device_logins WHERE status = 'pending' AND expires_at > $1")
        .bind(now.millis())
        .fetch_one(&mut **write)
        .await
}

/// Denies an approved login that cannot lead to a key. Returns false when it is no longer approved.
pub async fn deny_approved(write: &mut Write, id: LoginId) -> Result<bool, sqlx::Error> {
    let done =
        sqlx::query("UPDATE device_logins SET status = 'denied' WHERE id = $1 AND status = 'approved'")
            .bind(id)
            .execute(&mut **write)
            .await?;
    Ok(done.rows_affected() == 1)
}

/// Returns false when the user code is taken.
pub async fn insert(
    write: &mut Write,
    login: &LoginRequest,
    code_hash: &str,
    subscriber: IpAddr,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(
        "INSERT INTO device_logins (id, code_hash, user_code, wire, client_id, scope, product, device_id, device_name, \
         address, subscriber, user_agent, created_at, expires_at, status) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) ON CONFLICT DO NOTHING",
    )
    .bind(login.id)
    .bind(code_hash)
    .bind(login.user_code.as_str())
    .bind(login.wire.as_str())
    .bind(&login.client_id)
    .bind(login.scope.map_or("", Role::as_str))
    .bind(&login.product)
    .bind(login.device_id.as_deref())
    .bind(&login.device_name)
    .bind(&login.address)
    .bind(subscriber.to_string())
    .bind(&login.user_agent)
    .bind(login.created_at.millis())
    .bind(login.expires_at.millis())
    .bind(login.status.as_str())
    .execute(&mut **write)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// The number of an address's pending logins, and when the first of them expires.
pub async fn count_pending_of(
    write: &mut Write,
    subscriber: IpAddr,
    now: Timestamp,
) -> Result<(i64, Option<Timestamp>), sqlx::Error> {
    let row = sqlx::query(
        "SELECT COUNT(*) AS open, MIN(expires_at) AS first FROM device_logins \
         WHERE subscriber = $1 AND status = 'pending' AND expires_at > $2",
    )
    .bind(subscriber.to_string())
    .bind(now.millis())
    .fetch_one(&mut **write)
    .await?;
    let first: Option<i64> = row.try_get("first")?;
    Ok((row.try_get("open")?, first.map(Timestamp::from_millis)))
}

pub async fn find_by_device_code(
    pool: &AnyPool,
    code_hash: &str,
) -> Result<Option<LoginRequest>, sqlx::Error> {
    let row = sqlx::query(select!("WHERE code_hash = $1")).bind(code_hash).fetch_optional(pool).await?;
    row.as_ref().map(login).transpose()
}

pub async fn find_by_user_code(pool: &AnyPool, code: &UserCode) -> Result<Option<LoginRequest>, sqlx::Error> {
    let row = sqlx::query(select!("WHERE user_code = $1")).bind(code.as_str()).fetch_optional(pool).await?;
    row.as_ref().map(login).transpose()
}

/// Returns false when the login is already decided or has expired.
pub async fn decide(
    write: &mut Write,
    id: LoginId,
    now: Timestamp,
    decision: &Decision,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(
        "UPDATE device_logins SET status = $3, decided_at = $2, decided_by = $4, decided_from = $5, org_id = $6, \
         role = $7, redeem_until = $8, key_expires_at = $9 WHERE id = $1 AND status = 'pending' AND expires_at > $2",
    )
    .bind(id)
    .bind(now.millis())
    .bind(decision.status.as_str())
    .bind(decision.by)
    .bind(decision.from.to_string())
    .bind(decision.org)
    .bind(decision.role.map(Role::as_str))
    .bind(decision.redeem_until.map(Timestamp::millis))
    .bind(decision.key_expires_at.map(Timestamp::millis))
    .execute(&mut **write)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Consumes an approved login. Of several concurrent calls, at most one succeeds.
pub async fn redeem(
    write: &mut Write,
    login: &LoginRequest,
    now: Timestamp,
    key: KeyId,
) -> Result<Option<Approved>, sqlx::Error> {
    let row = sqlx::query(
        "UPDATE device_logins SET status = 'consumed', consumed_at = $2, key_id = $3 \
         WHERE id = $1 AND status = 'approved' AND redeem_until > $2 RETURNING decided_by, org_id, role, key_expires_at",
    )
    .bind(login.id)
    .bind(now.millis())
    .bind(key)
    .fetch_optional(&mut **write)
    .await?;
    row.map(|row| {
        Ok(Approved {
            by: row.try_get("decided_by")?,
            org: row.try_get("org_id")?,
            role: parsed(Role::parse_of_key(&row.try_get::<String, _>("role")?), "role")?,
            expires_at: row.try_get::<Option<i64>, _>("key_expires_at")?.map(Timestamp::from_millis),
        })
    })
    .transpose()
}

pub async fn delete_expired_before(write: &mut Write, before: Timestamp) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM device_logins WHERE expires_at < $1")
        .bind(before.millis())
        .execute(&mut **write)
        .await
        .map(drop)
}
