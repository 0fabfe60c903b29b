//! SQL of members. Callers lock the organization with `hold` before they change a member, so that concurrent changes run
//! one after the other.

use sqlx::any::AnyRow;
use sqlx::{AnyExecutor, AnyPool, Row};

use super::role;
use crate::accounts::{email_key, name_key};
use crate::platform::db::Write;
use crate::shared::{OrgId, Role, Timestamp, UserId};

/// A member as shown in lists.
#[derive(Clone, Debug)]
pub struct MemberSummary {
    pub user: UserId,
    pub name: String,
    pub email: String,
    pub role: Role,
    pub joined_at: Timestamp,
    pub last_seen_at: Option<Timestamp>,
    pub has_password: bool,
    pub has_factor: bool,
    pub is_disabled: bool,
}

/// A pagination cursor: the last member of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberCursor {
    joined_at: i64,
    user: String,
}

impl MemberCursor {
    pub fn of(listed: &MemberSummary) -> Self {
        Self { joined_at: listed.joined_at.millis(), user: listed.user.to_string() }
    }

    /// Serializes the cursor for a URL.
    pub fn to_text(&self) -> String {
        format!("{}.{}", self.joined_at, self.user)
    }

    pub fn parse(text: &str) -> Option<Self> {
        let (joined_at, user) = text.split_once('.')?;
        Some(Self { joined_at: joined_at.parse().ok()?, user: user.to_owned() })
    }
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT memberships.user_id AS user_id, users.name AS name, email, role, memberships.created_at AS joined_at, \
             users.last_seen_at AS last_seen_at, disabled_at, second_factors.created_at AS factor_at, \
             CAST(CASE WHEN password_hash IS NULL THEN 0 ELSE 1 END AS BIGINT) AS has_password \
             FROM memberships JOIN users ON users.id = memberships.user_id \
             LEFT JOIN second_factors ON second_factors.user_id = memberships.user_id ",
            $rest
        )
    };
}

fn listed(row: &AnyRow) -> Result<MemberSummary, sqlx::Error> {
    Ok(MemberSummary {
        user: row.try_get("user_id")?,
        name: row.try_get("name")?,
        email: row.try_get("email")?,
        role: role(row)?,
        joined_at: Timestamp::from_millis(row.try_get("joined_at")?),
        last_seen_at: row.try_get::<Option<i64>, _>("last_seen_at")?.map(Timestamp::from_millis),
        has_password: row.try_get::<i64, _>("has_password")? != 0,
        has_factor: row.try_get::<Option<i64>, _>("factor_at")?.is_some(),
        is_disabled: row.try_get::<Option<i64>, _>("disabled_at")?.is_some(),
    })
}

/// Lists members in the order in which they joined. A test checks the query plan.
pub const FIRST_PAGE: &str = select!(
    "WHERE memberships.org_id = $1 AND (memberships.created_at, memberships.user_id) > ($2, $3) \
     ORDER BY memberships.created_at, memberships.user_id LIMIT $4"
);

const SEARCHED: &str = select!(
    "WHERE memberships.org_id = $1 AND (memberships.created_at, memberships.user_id) > ($2, $3) AND \
     (name_key LIKE $5 ESCAPE '!' OR name_key LIKE $6 ESCAPE '!' OR email_key LIKE $5 ESCAPE '!') \
     ORDER BY memberships.created_at, memberships.user_id LIMIT $4"
);

/// Lists members after a cursor. `search` matches the beginning of a name, of a later word of a name, or of an address.
pub async fn list(
    pool: &AnyPool,
    org: OrgId,
    search: &str,
    after: Option<&MemberCursor>,
    limit: i64,
) -> Result<Vec<MemberSummary>, sqlx::Error> {
    let (joined_at, user) =
        after.map_or((i64::MIN, ""), |position| (position.joined_at, position.user.as_str()));
    let text = if search.is_empty() { FIRST_PAGE } else { SEARCHED };
    let mut query = sqlx::query(text).bind(org).bind(joined_at).bind(user.to_owned()).bind(limit);
    if !search.is_empty() {
        let beginning = name_key(search).replace('!', "!!").replace('%', "!%").replace('_', "!_");
        query = query.bind(format!("{beginning}%")).bind(format!("% {beginning}%"));
    }
    query.fetch_all(pool).await?.iter().map(listed).collect()
}

const CONTAINING: &str = select!(
    "WHERE memberships.org_id = $1 AND (name_key LIKE $2 ESCAPE '!' OR email_key LIKE $2 ESCAPE '!') \
     ORDER BY memberships.created_at, memberships.user_id LIMIT $3"
);

/// The members whose name or address contains a text.
pub async fn containing(
    pool: &AnyPool,
    org: OrgId,
    text: &str,
    limit: i64,
) -> Result<Vec<MemberSummary>, sqlx::Error> {
    let text = name_key(text).replace('!', "!!").replace('%', "!%").replace('_', "!_");
    let query = sqlx::query(CONTAINING).bind(org).bind(format!("%{text}%")).bind(limit);
    query.fetch_all(pool).await?.iter().map(listed).collect()
}

pub async fn find<'e>(
    executor: impl AnyExecutor<'e>,
    org: OrgId,
    user: UserId,
) -> Result<Option<MemberSummary>, sqlx::Error> {
    let row = sqlx::query(select!("WHERE memberships.org_id = $1 AND memberships.user_id = $2"))
        .bind(org.to_string())
        .bind(user.to_string())
        .fetch_optional(executor)
        .await?;
    row.as_ref().map(listed).transpose()
}

/// Counts up to `most` members.
pub async fn count(pool: &AnyPool, org: OrgId, most: i64) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar(
        "SELECT count(*) FROM (SELECT user_id FROM memberships WHERE org_id = $1 LIMIT $2) AS few",
    )
    .bind(org)
    .bind(most)
    .fetch_one(pool)
    .await
}

pub async fn has_email(write: &mut Write, org: OrgId, email: &str) -> Result<bool, sqlx::Error> {
    let row = sqlx::query(
        "SELECT user_id FROM memberships JOIN users ON users.id = memberships.user_id \
         WHERE org_id = $1 AND email_key = $2",
    )
    .bind(org)
    .bind(email_key(email))
    .fetch_optional(&mut **write)
    .await?;
    Ok(row.is_some())
}

/// Locks the organization's row until the end of the transaction. Returns false when the organization is gone.
pub async fn lock(write: &mut Write, org: OrgId) -> Result<bool, sqlx::Error> {
    let done = sqlx::query("UPDATE organizations SET name = name WHERE id = $1 AND deleted_at IS NULL")
        .bind(org)
        .execute(&mut **write)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Returns true if there is another owner who is not disabled. Locks that owner's row, so that nobody can disable them until
/// the end of the transaction.
pub async fn hold_other_owner(write: &mut Write, org: OrgId, user: UserId) -> Result<bool, sqlx::Error> {
    let others: Vec<String> = sqlx::query_scalar(
        "SELECT user_id FROM memberships JOIN users ON users.id = memberships.user_id \
         WHERE org_id = $1 AND role = 'owner' AND user_id <> $2 AND disabled_at IS NULL ORDER BY user_id",
    )
    .bind(org)
    .bind(user)
    .fetch_all(&mut **write)
    .await?;
    for other in others {
        let done = sqlx::query("UPDATE users SET epoch = epoch WHERE id = $1 AND disabled_at IS NULL")
            .bind(other)
            .execute(&mut **write)
            .await?;
        if done.rows_affected() == 1 {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The names of the organizations that this person owns and in which no owner can sign in.
pub async fn without_owner(pool: &AnyPool, user: UserId) -> Result<Vec<String>, sqlx::Error> {
    sqlx::query_scalar(
        "SELECT organizations.name FROM memberships JOIN organizations ON organizations.id = memberships.org_id \
         WHERE memberships.user_id = $1 AND memberships.role = 'owner' AND deleted_at IS NULL AND NOT EXISTS \
         (SELECT 1 FROM memberships AS others JOIN users ON users.id = others.user_id \
         WHERE others.org_id = memberships.org_id AND others.role = 'owner' AND users.disabled_at IS NULL) \
         ORDER BY organizations.name",
    )
    .bind(user)
    .fetch_all(pool)
    .await
}

/// The people to tell about something that a person created: the person, or the owners if the person is disabled or no
/// longer a member.
pub async fn responsible_people(
    write: &mut Write,
    org: OrgId,
    user: UserId,
) -> Result<Vec<UserId>, sqlx::Error> {
    let people: Vec<UserId> = sqlx::query_scalar(
        "SELECT user_id FROM memberships JOIN users ON users.id = memberships.user_id \
         WHERE org_id = $1 AND disabled_at IS NULL AND (user_id = $2 OR role = 'owner') ORDER BY user_id",
    )
    .bind(org)
    .bind(user)
    .fetch_all(&mut **write)
    .await?;
    Ok(if people.contains(&user) { vec![user] } else { people })
}

/// The addresses of `responsible_people`.
pub async fn responsible_emails(
    write: &mut Write,
    org: OrgId,
    user: UserId,
) -> Result<Vec<String>, sqlx::Error> {
    let mut emails = Vec::new();
    for person in responsible_people(write, org, user).await? {
        let email = sqlx::query_scalar("SELECT email FROM users WHERE id = $1").bind(person);
        emails.push(email.fetch_one(&mut **write).await?);
    }
    Ok(emails)
}

/// The addresses of the owners and of another member, as far as they are not disabled.
pub async fn emails_of_owners_and(
    db: impl AnyExecutor<'_>,
    org: OrgId,
    user: UserId,
) -> Result<Vec<String>, sqlx::Error> {
    sqlx::query_scalar(
        "SELECT email FROM memberships JOIN users ON users.id = memberships.user_id \
         WHERE org_id = $1 AND disabled_at IS NULL AND (user_id = $2 OR role = 'owner') ORDER BY email",
    )
    .bind(org)
    .bind(user)
    .fetch_all(db)
    .await
}

/// The addresses of the owners and admins who are not disabled.
pub async fn emails_of_managers(write: &mut Write, org: OrgId) -> Result<Vec<String>, sqlx::Error> {
    sqlx::query_scalar(
        "SELECT email FROM memberships JOIN users ON users.id = memberships.user_id \
         WHERE org_id = $1 AND disabled_at IS NULL AND role IN ('owner', 'admin') ORDER BY email",
    )
    .bind(org)
    .fetch_all(&mut **write)
    .await
}

/// An admin or owner who is not disabled.
#[derive(Clone, Debug)]
pub struct OrgManager {
    pub user: UserId,
    pub role: Role,
    pub email: String,
}

pub async fn managers(write: &mut Write, org: OrgId) -> Result<Vec<OrgManager>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT user_id, role, email FROM memberships JOIN users ON users.id = memberships.user_id \
         WHERE org_id = $1 AND disabled_at IS NULL AND role IN ('owner', 'admin') ORDER BY email",
    )
    .bind(org)
    .fetch_all(&mut **write)
    .await?;
    let manager = |row: &AnyRow| {
        Ok(OrgManager { user: row.try_get("user_id")?, role: role(row)?, email: row.try_get("email")? })
    };
    rows.iter().map(manager).collect()
}

/// An owner, who may be disabled.
#[derive(Clone, Copy, Debug)]
pub struct OrgOwner {
    pub user: UserId,
    pub joined_at: Timestamp,
    pub disabled_at: Option<Timestamp>,
}

pub async fn owners(db: impl AnyExecutor<'_>, org: OrgId) -> Result<Vec<OrgOwner>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT user_id, memberships.created_at AS joined_at, disabled_at FROM memberships \
         JOIN users ON users.id = memberships.user_id WHERE org_id = $1 AND role = 'owner' ORDER BY user_id",
    )
    .bind(org)
    .fetch_all(db)
    .await?;
    let owner = |row: &AnyRow| {
        Ok(OrgOwner {
            user: row.try_get("user_id")?,
            joined_at: Timestamp::from_millis(row.try_get("joined_at")?),
            disabled_at: row.try_get::<Option<i64>, _>("disabled_at")?.map(Timestamp::from_millis),
        })
    };
    rows.iter().map(owner).collect()
}

/// When a member with this role or a higher one joined. None for others, and for a disabled person.
pub async fn joined_with_role(
    write: &mut Write,
    org: OrgId,
    user: UserId,
    least: Role,
) -> Result<Option<Timestamp>, sqlx::Error> {
    let row = sqlx::query(
        "SELECT role, memberships.created_at AS joined_at FROM memberships JOIN users ON users.id = memberships.user_id \
         WHERE org_id = $1 AND user_id = $2 AND disabled_at IS NULL",
    )
    .bind(org)
    .bind(user)
    .fetch_optional(&mut **write)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let joined = Timestamp::from_millis(row.try_get("joined_at")?);
    Ok((role(&row)? >= least).then_some(joined))
}

pub async fn set_role(write: &mut Write, org: OrgId, user: UserId, role: Role) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE memberships SET role = $3 WHERE org_id = $1 AND user_id = $2")
        .bind(org)
        .bind(user)
        .bind(role.as_str())
        .execute(&mut **write)
        .await
        .map(drop)
}

pub async fn delete(write: &mut Write, org: OrgId, user: UserId) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM memberships WHERE org_id = $1 AND user_id = $2")
        .bind(org)
        .bind(user)
        .execute(&mut **write)
        .await
        .map(drop)
}

/// Deletes the memberships and invitations of an organization and marks it as deleted.
pub async fn delete_organization(write: &mut Write, org: OrgId, now: Timestamp) -> Result<(), sqlx::Error> {
    for text in ["DELETE FROM memberships WHERE org_id = $1", "DELETE FROM invitations WHERE org_id = $1"] {
        sqlx::query(text).bind(org).execute(&mut **write).await?;
    }
    sqlx::query("UPDATE organizations SET deleted_at = $2 WHERE id = $1")
        .bind(org)
        .bind(now.millis())
        .execute(&mut **write)
        .await
        .map(drop)
}
