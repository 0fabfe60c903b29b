//! Reads who got a role, and when one was lost, from the log.

use sqlx::{AnyExecutor, Row};

use crate::platform::db::sql;
use crate::shared::{EventId, OrgId, Role, Timestamp};

/// A member got a role at or above the one that is looked for, or lost it.
#[derive(Clone, Debug)]
pub struct RoleEvent {
    /// The identifier of the person.
    pub person: String,
    pub is_gained: bool,
    pub at: Timestamp,
}

/// The newest events of each person since a time. Joining is not among them. Changes between other roles are not read, however
/// many there are.
pub async fn role_events(
    db: impl AnyExecutor<'_>,
    org: OrgId,
    least: Role,
    since: Timestamp,
) -> Result<Vec<RoleEvent>, sqlx::Error> {
    let has = |detail: &str| {
        let roles = Role::ALL.into_iter().filter(|role| *role >= least);
        // Quotes within a text are stored with a backslash, so only a detail itself looks like this.
        let tests = roles.map(|role| format!("details LIKE '%\"{detail}\":\"{}\"%'", role.as_str()));
        format!("({})", tests.collect::<Vec<_>>().join(" OR "))
    };
    let (from, to, role) = (has("from"), has("to"), has("role"));
    let text = format!(
        "SELECT target_id, CAST(1 AS BIGINT) AS is_gained, MAX(at) AS at FROM audit WHERE org_id = $1 AND id >= $2 \
         AND action = 'member.role_changed' AND {to} AND NOT {from} GROUP BY target_id \
         UNION ALL SELECT target_id, CAST(0 AS BIGINT) AS is_gained, MAX(at) AS at FROM audit WHERE org_id = $1 AND id >= $2 \
         AND (action = 'member.role_changed' AND {from} AND NOT {to} \
         OR action IN ('member.removed', 'member.left') AND {role}) GROUP BY target_id"
    );
    let first = EventId::new(since, [0; 10]).to_string();
    let rows = sqlx::query(sql(text)).bind(org).bind(first).fetch_all(db).await?;
    let event = |row: &sqlx::any::AnyRow| {
        let is_gained: i64 = row.try_get("is_gained")?;
        Ok(RoleEvent {
            person: row.try_get("target_id")?,
            is_gained: is_gained == 1,
            at: Timestamp::from_millis(row.try_get("at")?),
        })
    };
    rows.iter().map(event).collect()
}
