//! All SQL of organizations and memberships.

use sqlx::{AnyPool, Row};

use crate::platform::db::Write;
use crate::shared::{OrgId, Role, Timestamp, UserId};

/// A person's place in an organization.
#[derive(Clone, Debug)]
pub struct Membership {
    pub org: OrgId,
    pub org_name: String,
    pub role: Role,
}

/// The oldest first: without a choice, that is where one works.
pub async fn memberships_of(pool: &AnyPool, user: &UserId) -> Result<Vec<Membership>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT org_id, name, role FROM memberships JOIN organizations ON organizations.id = memberships.org_id \
         WHERE user_id = $1 ORDER BY memberships.created_at, org_id",
    )
    .bind(user.as_str())
    .fetch_all(pool)
    .await?;
    rows.iter()
        .map(|row| {
            let role: String = row.try_get("role")?;
            Ok(Membership {
                org: OrgId::from_text(row.try_get::<String, _>("org_id")?),
                org_name: row.try_get("name")?,
                role: Role::parse(&role)
                    .ok_or_else(|| sqlx::Error::Decode(format!("no role {role}").into()))?,
            })
        })
        .collect()
}

pub async fn insert(
    write: &mut Write,
    id: &OrgId,
    name: &str,
    plan: &str,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    sqlx::query("INSERT INTO organizations (id, name, plan, created_at) VALUES ($1, $2, $3, $4)")
        .bind(id.as_str())
        .bind(name)
        .bind(plan)
        .bind(now.millis())
        .execute(&mut **write)
        .await
        .map(drop)
}

pub async fn insert_membership(
    write: &mut Write,
    org: &OrgId,
    user: &UserId,
    role: Role,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    sqlx::query("INSERT INTO memberships (org_id, user_id, role, created_at) VALUES ($1, $2, $3, $4)")
        .bind(org.as_str())
        .bind(user.as_str())
        .bind(role.as_str())
        .bind(now.millis())
        .execute(&mut **write)
        .await
        .map(drop)
}

pub async fn set_name(write: &mut Write, org: &OrgId, name: &str) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE organizations SET name = $2 WHERE id = $1")
        .bind(org.as_str())
        .bind(name)
        .execute(&mut **write)
        .await
        .map(drop)
}
