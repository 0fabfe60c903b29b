//! The use cases of agents: register, list, remove. Only the first registrant and admins may register an agent again,
//! so that other members cannot widen its permissions.

use super::draft::check;
use super::{AgentDraft, store};
use crate::audit::{self, Event};
use crate::orgs::server::{Actor, Membership, lock_and_read_role};
use crate::platform::db::Write;
use crate::platform::{App, Error};
use crate::shared::{AgentId, OrgId, Permission, contains_token};

pub use super::store::Agent;
pub use crate::agents::McpServer;

/// The most agents of an organization.
const MAX_AGENTS: i64 = 1_000;
/// Rows of a page.
const PAGE: usize = 50;

/// Why an agent was not registered. Nothing has changed.
#[derive(Debug)]
pub enum RegistrationError {
    /// The registration is invalid; contains the reason.
    Input(String),
    Error(Error),
}

impl<E: Into<Error>> From<E> for RegistrationError {
    fn from(error: E) -> Self {
        Self::Error(error.into())
    }
}

/// A page of agents by name, each with its servers.
pub struct AgentPage {
    pub agents: Vec<(Agent, Vec<McpServer>)>,
    /// The name after which the next page begins.
    pub next: Option<String>,
}

/// Registers the agent, or replaces its earlier registration.
pub async fn register(app: &App, actor: &Actor, draft: &AgentDraft) -> Result<Agent, RegistrationError> {
    if !actor.may(Permission::RegisterAgents) {
        return Err(refused(app, actor, draft, "A viewer's key may only read.").await.into());
    }
    let servers = check(draft).map_err(RegistrationError::Input)?;
    let now = app.clock.now();
    let org = actor.org.org;
    let new = AgentId::new(now, app.random_for_id());
    let begun = match begin(app, actor).await {
        Err(Error::Forbidden(why)) => return Err(refused(app, actor, draft, &why).await.into()),
        result => result,
    };
    let (mut write, actor) = begun?;
    let actor = &actor;
    let (id, creator) = store::lock(&mut write, actor.org.org, new, &draft.agent_id, actor.user, now).await?;
    if creator != actor.user && !actor.may(Permission::ManageAllKeys) {
        drop(write);
        let why = "Only admins and the person who first registered this agent may register it again.";
        return Err(refused(app, actor, draft, why).await.into());
    }
    if id == new && store::count(&mut write, org).await? > MAX_AGENTS {
        return Err(RegistrationError::Input(format!(
            "This organization has {MAX_AGENTS} agents. Remove some that are no longer used first."
        )));
    }
    store::update(&mut write, id, draft, actor.user, actor.key, now).await?;
    store::replace_servers(&mut write, id, &servers).await?;
    let event = Event::new("agent.registered")
        .on("agent", id, &draft.agent_id)
        .detail("again", id != new)
        .detail("environment", draft.environment.as_str())
        .detail("servers", servers.len())
        .detail("allowed", draft.allow.len())
        .detail("denied", draft.deny.len());
    audit::record(app, &mut write, &actor.by, event).await?;
    write.commit().await?;
    Ok(find(app, actor, id).await?.0)
}

/// Refuses actors who may not remove the agent.
pub fn require_to_remove(actor: &Actor, agent: &Agent) -> Result<(), Error> {
    actor.require(Permission::RegisterAgents)?;
    if may_remove(actor, agent) {
        return Ok(());
    }
    Err(Error::Forbidden(
        "Only admins and the person who first registered this agent may remove it.".to_owned(),
    ))
}

/// Removes an agent, its servers and its policy.
pub async fn remove(app: &App, actor: &Actor, id: AgentId) -> Result<Agent, Error> {
    actor.require(Permission::RegisterAgents)?;
    let (mut write, actor) = begin(app, actor).await?;
    let actor = &actor;
    let agent = store::find(&mut *write, actor.org.org, id).await?.ok_or(Error::NotFound)?;
    require_to_remove(actor, &agent)?;
    if !store::delete(&mut write, agent.id).await? {
        return Err(Error::NotFound);
    }
    let event = Event::new("agent.removed").on("agent", agent.id, &agent.name);
    audit::record(app, &mut write, &actor.by, event).await?;
    write.commit().await?;
    Ok(agent)
}

/// Begins the transaction of a change and reads the actor's role again, because they may have been removed or disabled since
/// the request began. Fails with 403 for the key of such a person.
async fn begin(app: &App, actor: &Actor) -> Result<(Write, Actor), Error> {
    let mut write = app.db.write().await?;
    let role = lock_and_read_role(&mut write, actor).await?;
    let org = Membership { role, ..actor.org.clone() };
    Ok((write, Actor { org, ..actor.clone() }))
}

pub fn may_remove(actor: &Actor, agent: &Agent) -> bool {
    let is_own = agent.created_by == actor.user && actor.may(Permission::RegisterAgents);
    is_own || actor.may(Permission::ManageAllKeys)
}

pub async fn find(app: &App, actor: &Actor, id: AgentId) -> Result<(Agent, Vec<McpServer>), Error> {
    actor.require(Permission::See)?;
    let agent = store::find(app.db.pool(), actor.org.org, id).await?.ok_or(Error::NotFound)?;
    let servers = store::servers_of(app.db.pool(), std::slice::from_ref(&agent)).await?.remove(&agent.id);
    Ok((agent, servers.unwrap_or_default()))
}

/// Lists one page of agents after the name `after`; the first page if it is empty.
pub async fn list(app: &App, actor: &Actor, after: &str) -> Result<AgentPage, Error> {
    actor.require(Permission::See)?;
    let mut agents = store::list(app.db.pool(), actor.org.org, after, PAGE as i64 + 1).await?;
    let has_more = agents.len() > PAGE;
    agents.truncate(PAGE);
    let next = agents.last().filter(|_| has_more).map(|agent| agent.name.clone());
    Ok(AgentPage { agents: with_servers(app, agents).await?, next })
}

/// The first `most` agents of an organization by name.
pub async fn all(app: &App, org: OrgId, most: i64) -> Result<Vec<(Agent, Vec<McpServer>)>, Error> {
    let agents = store::list(app.db.pool(), org, "", most).await?;
    with_servers(app, agents).await
}

async fn with_servers(app: &App, agents: Vec<Agent>) -> Result<Vec<(Agent, Vec<McpServer>)>, Error> {
    let mut servers = store::servers_of(app.db.pool(), &agents).await?;
    let with = |agent: Agent| {
        let own = servers.remove(&agent.id).unwrap_or_default();
        (agent, own)
    };
    Ok(agents.into_iter().map(with).collect())
}

async fn refused(app: &App, actor: &Actor, draft: &AgentDraft, why: &str) -> Error {
    let name: String = draft.agent_id.chars().filter(|c| !c.is_control()).take(80).collect();
    let name = if contains_token(&draft.agent_id) { String::new() } else { name };
    let event = Event::new("agent.refused").on("agent", "", name);
    audit::forbid(app, &actor.by, event, why.to_owned()).await
}
