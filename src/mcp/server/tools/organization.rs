//! The tools about the caller and the people of the organization.

use rmcp::model::CallToolResponse;

use super::{ToolCall, answer};
use crate::accounts::server::find_any_person;
use crate::keys::server as keys;
use crate::mcp::server::arguments::ListMembersArguments;
use crate::mcp::server::bodies::{
    AgentMember, AgentOrganization, AgentPerson, KeySummary, MembersBody, WhoamiBody,
};
use crate::mcp::server::failure::ToolFailure;
use crate::orgs::server as orgs;
use crate::platform::Error;
use crate::ui::parts::counted;

/// The most members in an answer.
const MAX_MEMBERS: usize = 100;

pub async fn whoami(call: &ToolCall<'_>) -> Result<CallToolResponse, ToolFailure> {
    let (app, actor) = (call.app, call.actor);
    let id = actor.key.ok_or_else(|| Error::internal("an agent has no key"))?;
    let key = keys::find(app, actor, id).await?;
    let (name, plan) = orgs::find(app, actor.org.org).await?.ok_or(Error::NotFound)?;
    let person = find_any_person(app, actor.user).await?.ok_or(Error::NotFound)?;
    let sentence = format!(
        "You use the key {} of {name}. You are {} and act in the name of {}.",
        key.name,
        key.role.with_article(),
        person.name
    );
    let body = WhoamiBody {
        key: KeySummary::load(app, &key).await?,
        organization: AgentOrganization { id: actor.org.org.to_string(), name, plan: plan.to_string() },
        person: AgentPerson { id: person.id.to_string(), name: person.name, email: person.email },
        now: app.clock.now().to_string(),
    };
    answer(sentence, &body)
}

pub async fn list_members(
    call: &ToolCall<'_>,
    arguments: ListMembersArguments,
) -> Result<CallToolResponse, ToolFailure> {
    let search = arguments.search.unwrap_or_default();
    let mut found = orgs::search_members(call.app, call.actor, search.trim(), MAX_MEMBERS + 1).await?;
    let has_more = found.len() > MAX_MEMBERS;
    found.truncate(MAX_MEMBERS);
    let members: Vec<_> = found
        .into_iter()
        .map(|member| AgentMember {
            id: member.user.to_string(),
            name: member.name,
            email: member.email,
            role: member.role.as_str().to_owned(),
            joined_at: member.joined_at.to_string(),
            last_seen_at: member.last_seen_at.map(|at| at.to_string()),
        })
        .collect();
    let sentence = format!("{}.", counted(members.len() as u64, "member", "members"));
    answer(sentence, &MembersBody { members, has_more })
}
