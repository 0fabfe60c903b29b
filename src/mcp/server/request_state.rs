//! The state that an agent sends back when it asks again about a request: the request's id, signed, and bound to key and tool.

use rmcp::model::{RequestStateCodec, SealOptions};
use sqlx::AnyExecutor;

use crate::orgs::server::Actor;
use crate::platform::{App, Error, Secret};
use crate::shared::ApprovalId;

pub async fn seal(app: &App, actor: &Actor, tool: &str, id: ApprovalId) -> Result<String, Error> {
    let options = SealOptions::new();
    let bound_to = binding(actor, tool);
    Ok(codec(app).await?.seal_with(id.to_string().as_bytes(), &options.associated_data(&bound_to)))
}

/// The request of a state. None if the state was not made for this key and tool.
pub async fn open(app: &App, actor: &Actor, tool: &str, state: &str) -> Result<Option<ApprovalId>, Error> {
    let Ok(id) = codec(app).await?.open_with(state, &binding(actor, tool)) else { return Ok(None) };
    Ok(String::from_utf8(id).ok().and_then(|id| ApprovalId::parse(&id)))
}

fn binding(actor: &Actor, tool: &str) -> Vec<u8> {
    let key = actor.key.map(|key| key.to_string()).unwrap_or_default();
    format!("{key} {tool}").into_bytes()
}

async fn codec(app: &App) -> Result<RequestStateCodec, Error> {
    let key = signing_key(app).await?;
    RequestStateCodec::try_new(key.expose().as_bytes()).map_err(|error| Error::internal(error.to_string()))
}

/// The key that all processes share. The first request creates it.
async fn signing_key(app: &App) -> Result<Secret, Error> {
    if let Some(key) = stored_key(app.db.pool()).await? {
        return Ok(key);
    }
    let mut write = app.db.write().await?;
    sqlx::query(
        "INSERT INTO mcp_signing_key (id, secret, created_at) VALUES (1, $1, $2) ON CONFLICT (id) DO NOTHING",
    )
    .bind(app.random.base62(43))
    .bind(app.clock.now().millis())
    .execute(&mut *write)
    .await?;
    let key = stored_key(&mut *write).await?;
    write.commit().await?;
    key.ok_or_else(|| Error::internal("the signing key was written and is not there"))
}

async fn stored_key(db: impl AnyExecutor<'_>) -> Result<Option<Secret>, sqlx::Error> {
    let found: Option<String> =
        sqlx::query_scalar("SELECT secret FROM mcp_signing_key WHERE id = 1").fetch_optional(db).await?;
    Ok(found.map(Secret::new))
}
