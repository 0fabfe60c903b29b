//! All SQL of agents and their servers.

use std::collections::HashMap;

use sqlx::any::AnyRow;
use sqlx::{AnyExecutor, AnyPool, Row};

use super::draft::AgentDraft;
use crate::agents::{Environment, McpServer, ServerAuth};
use crate::platform::db::{Write, row_placeholders, sql};
use crate::shared::{AgentId, KeyId, OrgId, Timestamp, UserId};

/// An agent without its servers.
#[derive(Clone, Debug)]
pub struct Agent {
    pub id: AgentId,
    /// The id that clients use for the agent.
    pub name: String,
    /// The user that the agent claims to work for; may be empty.
    pub user: String,
    pub environment: Environment,
    pub allow: Vec<String>,
    pub deny: Vec<String>,
    pub created_at: Timestamp,
    pub created_by: UserId,
    pub registered_at: Timestamp,
    pub registered_by: UserId,
    pub registered_by_key: Option<KeyId>,
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, agent_id, user_id, environment, allow_refs, deny_refs, created_at, created_by, registered_at, \
             registered_by, registered_by_key FROM agents ",
            $rest
        )
    };
}

fn agent(row: &AnyRow) -> Result<Agent, sqlx::Error> {
    let text = |column| row.try_get::<String, _>(column);
    let refs = |column| {
        let list = text(column)?;
        serde_json::from_str(&list).map_err(|error| sqlx::Error::Decode(error.into()))
    };
    Ok(Agent {
        id: row.try_get("id")?,
        name: text("agent_id")?,
        user: text("user_id")?,
        environment: Environment::parse(&text("environment")?).ok_or_else(|| invalid_value("environment"))?,
        allow: refs("allow_refs")?,
        deny: refs("deny_refs")?,
        created_at: Timestamp::from_millis(row.try_get("created_at")?),
        created_by: row.try_get("created_by")?,
        registered_at: Timestamp::from_millis(row.try_get("registered_at")?),
        registered_by: row.try_get("registered_by")?,
        registered_by_key: row.try_get("registered_by_key")?,
    })
}

fn invalid_value(column: &str) -> sqlx::Error {
    sqlx::Error::Decode(format!("{column} has an unknown value").into())
}

fn server(row: &AnyRow) -> Result<McpServer, sqlx::Error> {
    let auth: String = row.try_get("auth")?;
    Ok(McpServer {
        name: row.try_get("name")?,
        url: row.try_get("url")?,
        description: row.try_get("description")?,
        auth: ServerAuth::parse(&auth).ok_or_else(|| invalid_value("auth"))?,
    })
}

/// Locks the agent with this name until the end of the transaction and inserts it if missing. Returns its id and
/// creator.
pub async fn lock(
    write: &mut Write,
    org: OrgId,
    new: AgentId,
    name: &str,
    user: UserId,
    now: Timestamp,
) -> Result<(AgentId, UserId), sqlx::Error> {
    let row = sqlx::query(
        "INSERT INTO agents (id, org_id, agent_id, user_id, environment, allow_refs, deny_refs, created_at, created_by, \
         registered_at, registered_by) VALUES ($1, $2, $3, '', 'sandbox', '[]', '[]', $4, $5, $4, $5) \
         ON CONFLICT (org_id, agent_id) DO UPDATE SET agent_id = excluded.agent_id RETURNING id, created_by",
    )
    .bind(new)
    .bind(org)
    .bind(name)
    .bind(now.millis())
    .bind(user)
    .fetch_one(&mut **write)
    .await?;
    Ok((row.try_get("id")?, row.try_get("created_by")?))
}

/// Updates an agent that is locked by `hold`.
pub async fn update(
    write: &mut Write,
    id: AgentId,
    draft: &AgentDraft,
    user: UserId,
    key: Option<KeyId>,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE agents SET user_id = $2, environment = $3, allow_refs = $4, deny_refs = $5, registered_at = $6, \
         registered_by = $7, registered_by_key = $8 WHERE id = $1",
    )
    .bind(id)
    .bind(&draft.user_id)
    .bind(draft.environment.as_str())
    .bind(serde_json::Value::from(draft.allow.clone()).to_string())
    .bind(serde_json::Value::from(draft.deny.clone()).to_string())
    .bind(now.millis())
    .bind(user)
    .bind(key)
    .execute(&mut **write)
    .await
    .map(drop)
}

pub async fn replace_servers(
    write: &mut Write,
    id: AgentId,
    servers: &[McpServer],
) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM agent_servers WHERE agent = $1").bind(id).execute(&mut **write).await?;
    let rows: Vec<_> = servers.iter().zip(0_i64..).collect();
    for chunk in rows.chunks(crate::platform::db::ROWS_PER_STATEMENT) {
        let text = format!(
            "INSERT INTO agent_servers (agent, place, name, url, description, auth) VALUES {}",
            row_placeholders(chunk.len(), 6)
        );
        let mut query = sqlx::query(sql(text));
        for (server, index) in chunk {
            let McpServer { name, url, description, auth } = server;
            query = query.bind(id.to_string()).bind(*index).bind(name.clone()).bind(url.clone());
            query = query.bind(description.clone()).bind(auth.as_str());
        }
        query.execute(&mut **write).await?;
    }
    Ok(())
}

pub async fn count(write: &mut Write, org: OrgId) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("SELECT COUNT(*) FROM agents WHERE org_id = $1")
        .bind(org)
        .fetch_one(&mut **write)
        .await
}

/// Deletes the agent and its servers. Returns false when it is already gone.
pub async fn delete(write: &mut Write, id: AgentId) -> Result<bool, sqlx::Error> {
    sqlx::query("DELETE FROM agent_servers WHERE agent = $1").bind(id).execute(&mut **write).await?;
    let done = sqlx::query("DELETE FROM agents WHERE id = $1").bind(id).execute(&mut **write).await?;
    Ok(done.rows_affected() == 1)
}

pub async fn find<'e>(
    pool: impl AnyExecutor<'e>,
    org: OrgId,
    id: AgentId,
) -> Result<Option<Agent>, sqlx::Error> {
    let row =
        sqlx::query(select!("WHERE org_id = $1 AND id = $2")).bind(org).bind(id).fetch_optional(pool).await?;
    row.as_ref().map(agent).transpose()
}

/// Lists agents by name, after the name `after`.
pub async fn list(pool: &AnyPool, org: OrgId, after: &str, limit: i64) -> Result<Vec<Agent>, sqlx::Error> {
    let rows = sqlx::query(select!("WHERE org_id = $1 AND agent_id > $2 ORDER BY agent_id LIMIT $3"))
        .bind(org)
        .bind(after)
        .bind(limit)
        .fetch_all(pool)
        .await?;
    rows.iter().map(agent).collect()
}

/// The servers of each of these agents, in their order.
pub async fn servers_of(
    pool: &AnyPool,
    agents: &[Agent],
) -> Result<HashMap<AgentId, Vec<McpServer>>, sqlx::Error> {
    let mut all: HashMap<AgentId, Vec<McpServer>> = HashMap::new();
    for chunk in agents.chunks(50) {
        let ids: Vec<String> = (1..=chunk.len()).map(|number| format!("${number}")).collect();
        let text = format!(
            "SELECT agent, name, url, description, auth FROM agent_servers WHERE agent IN ({}) ORDER BY agent, place",
            ids.join(", ")
        );
        let mut query = sqlx::query(sql(text));
        for agent in chunk {
            query = query.bind(agent.id.to_string());
        }
        for row in &query.fetch_all(pool).await? {
            let id = row.try_get("agent")?;
            all.entry(id).or_default().push(server(row)?);
        }
    }
    Ok(all)
}
