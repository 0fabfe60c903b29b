//! `bootstrap`, which an SDK requests when it is created, and `armoriq register`.

use std::collections::{BTreeMap, BTreeSet};

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use serde_json::{Value, json};

use super::caller::ArmorIqCaller;
use super::registration;
use crate::agents::server::{self as agents, Agent, McpServer, RegistrationError};
use crate::api::{AnyBody, ApiError};
use crate::platform::{App, Problem};

/// The most agents in a bootstrap response.
const MAX_AGENTS: i64 = 200;

#[derive(Serialize)]
pub struct Bootstrap {
    success: bool,
    org: Value,
    user: Value,
    /// The agent that this key registered, if there is exactly one. Clients then act as this agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    agent: Option<Value>,
    agents: Vec<Value>,
    mcps: Vec<Value>,
    /// Maps each tool to its server. A tool of several servers is omitted.
    #[serde(rename = "toolMap")]
    tool_map: BTreeMap<String, String>,
}

/// Clients send `{}` or an empty body, which is ignored.
pub async fn bootstrap(State(app): State<App>, caller: ArmorIqCaller) -> Result<Json<Bootstrap>, ApiError> {
    let org = &caller.actor.org;
    let person = caller.person(&app).await?;
    let all = agents::all(&app, org.org, MAX_AGENTS).await?;
    let mut own = all.iter().filter(|(agent, _)| agent.registered_by_key.as_ref() == Some(&caller.key));
    let agent = match (own.next(), own.next()) {
        (Some((only, _)), None) => Some(json!({ "id": only.name, "name": only.name })),
        _ => None,
    };
    let mut names = BTreeSet::new();
    let servers = all.iter().flat_map(|(_, servers)| servers).filter(|server| names.insert(&server.name));
    Ok(Json(Bootstrap {
        success: true,
        org: json!({ "id": org.org.to_string(), "orgId": org.org.to_string(), "name": org.org_name }),
        user: json!({ "id": person.id.to_string(), "email": person.email, "name": person.name }),
        agent,
        agents: all.iter().map(|(agent, _)| json!({ "agentId": agent.name, "name": agent.name })).collect(),
        mcps: servers.map(|server| json!({ "name": server.name, "url": server.url })).collect(),
        tool_map: tool_map(&all),
    }))
}

/// Builds the map from the entries `<server>.<tool>` of the policies. Patterns are ignored, because they do not name a tool.
fn tool_map(all: &[(Agent, Vec<McpServer>)]) -> BTreeMap<String, String> {
    let mut found: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (agent, servers) in all {
        let names: BTreeSet<&str> = servers.iter().map(|server| server.name.as_str()).collect();
        for text in agent.allow.iter().filter(|text| !text.contains(['*', ':'])) {
            let mut parts = text.match_indices('.').map(|(dot, _)| (&text[..dot], &text[dot + 1..]));
            if let Some((server, tool)) =
                parts.find(|(server, tool)| !tool.is_empty() && names.contains(server))
            {
                found.entry(tool).or_default().insert(server);
            }
        }
    }
    let only = |(tool, servers): (&str, BTreeSet<&str>)| {
        let server = servers.first().filter(|_| servers.len() == 1)?;
        Some((tool.to_owned(), (*server).to_owned()))
    };
    found.into_iter().filter_map(only).collect()
}

/// Registers an agent. The response has no `proxy_endpoint`, so the client uses the one in its file.
pub async fn register(
    State(app): State<App>,
    caller: ArmorIqCaller,
    AnyBody(body): AnyBody<Value>,
) -> Result<Json<Value>, ApiError> {
    let draft = registration::read(&body).map_err(invalid_registration)?;
    let agent = agents::register(&app, &caller.actor, &draft).await.map_err(|refusal| match refusal {
        RegistrationError::Input(why) => invalid_registration(why),
        RegistrationError::Error(error) => error.into(),
    })?;
    let org = caller.actor.org.org.to_string();
    Ok(Json(json!({ "success": true, "id": agent.id.to_string(), "agent_id": agent.name, "org_id": org })))
}

fn invalid_registration(why: String) -> ApiError {
    ApiError::new(Problem::of(StatusCode::UNPROCESSABLE_ENTITY).detail(why))
}
