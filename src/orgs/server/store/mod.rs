//! All SQL of organizations, memberships and invitations.

pub mod invitations;
pub mod members;

use sqlx::any::AnyRow;
use sqlx::{AnyExecutor, AnyPool, Row};

use crate::platform::db::Write;
use crate::shared::{OrgId, Plan, Role, Timestamp, UserId};

/// A person's membership in an organization.
#[derive(Clone, Debug)]
pub struct Membership {
    pub org: OrgId,
    pub org_name: String,
    pub role: Role,
}

/// The person's memberships, oldest first. The first one is the default organization.
pub async fn memberships_of(pool: &AnyPool, user: UserId) -> Result<Vec<Membership>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT org_id, name, role FROM memberships JOIN organizations ON organizations.id = memberships.org_id \
         WHERE user_id = $1 ORDER BY memberships.created_at, org_id",
    )
    .bind(user)
    .fetch_all(pool)
    .await?;
    rows.iter().map(membership).collect()
}

/// The person's memberships, each with the organization's member count.
pub async fn memberships_with_counts(
    pool: &AnyPool,
    user: UserId,
) -> Result<Vec<(Membership, i64)>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT org_id, name, role, \
         (SELECT COUNT(*) FROM memberships AS others WHERE others.org_id = memberships.org_id) AS members \
         FROM memberships JOIN organizations ON organizations.id = memberships.org_id \
         WHERE user_id = $1 ORDER BY memberships.created_at, org_id",
    )
    .bind(user)
    .fetch_all(pool)
    .await?;
    rows.iter().map(|row| Ok((membership(row)?, row.try_get("members")?))).collect()
}

fn membership(row: &AnyRow) -> Result<Membership, sqlx::Error> {
    Ok(Membership { org: row.try_get("org_id")?, org_name: row.try_get("name")?, role: role(row)? })
}

fn role(row: &AnyRow) -> Result<Role, sqlx::Error> {
    let role: String = row.try_get("role")?;
    Role::parse(&role).ok_or_else(|| sqlx::Error::Decode(format!("no role {role}").into()))
}

pub async fn insert(
    write: &mut Write,
    id: OrgId,
    name: &str,
    plan: Plan,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    sqlx::query("INSERT INTO organizations (id, name, plan, created_at) VALUES ($1, $2, $3, $4)")
        .bind(id)
        .bind(name)
        .bind(plan.as_str())
        .bind(now.millis())
        .execute(&mut **write)
        .await
        .map(drop)
}

/// Returns false if the person is already a member.
pub async fn insert_membership(
    write: &mut Write,
    org: OrgId,
    user: UserId,
    role: Role,
    now: Timestamp,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(
        "INSERT INTO memberships (org_id, user_id, role, created_at) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (org_id, user_id) DO NOTHING",
    )
    .bind(org)
    .bind(user)
    .bind(role.as_str())
    .bind(now.millis())
    .execute(&mut **write)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Returns false if the organization has another plan than `old`.
pub async fn set_plan(write: &mut Write, org: OrgId, old: Plan, new: Plan) -> Result<bool, sqlx::Error> {
    let done =
        sqlx::query("UPDATE organizations SET plan = $3 WHERE id = $1 AND plan = $2 AND deleted_at IS NULL")
            .bind(org)
            .bind(old.as_str())
            .bind(new.as_str())
            .execute(&mut **write)
            .await?;
    Ok(done.rows_affected() == 1)
}

pub async fn set_name(write: &mut Write, org: OrgId, name: &str) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE organizations SET name = $2 WHERE id = $1")
        .bind(org)
        .bind(name)
        .execute(&mut **write)
        .await
        .map(drop)
}

pub async fn find<'e>(
    executor: impl AnyExecutor<'e>,
    org: OrgId,
) -> Result<Option<(String, Plan)>, sqlx::Error> {
    let row = sqlx::query("SELECT name, plan FROM organizations WHERE id = $1 AND deleted_at IS NULL")
        .bind(org.to_string())
        .fetch_optional(executor)
        .await?;
    row.map(|row| {
        let plan: String = row.try_get("plan")?;
        let plan = Plan::parse(&plan).ok_or_else(|| sqlx::Error::Decode(format!("no plan {plan}").into()))?;
        Ok((row.try_get("name")?, plan))
    })
    .transpose()
}
