//! `/settings/agents/{id}/remove`: a page that says what is deleted and what goes on, and asks.

use axum::extract::{Form, State};
use axum::response::{Redirect, Response};
use leptos::prelude::*;
use serde::Deserialize;
use tower_sessions::Session;

use super::HOME;
use super::list::server_names;
use crate::agents::server::service::{self, Agent};
use crate::keys::server::{self as keys, RecentUse};
use crate::orgs::server::Member;
use crate::orgs::server::page_frame::form_page;
use crate::platform::http::PathId;
use crate::platform::{App, Error};
use crate::shared::AgentId;
use crate::ui::form::FormErrors;
use crate::ui::parts::{HiddenFields, Look, Time};
use crate::ui::server::form_page::FormLayout;
use crate::ui::server::message::leave_message;
use crate::ui::shell::Nav;

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct RemoveAgentForm {
    /// Not empty if the form was on the page that says what is deleted.
    confirmed: String,
}

pub async fn show(
    State(app): State<App>,
    member: Member,
    PathId(id): PathId<AgentId>,
) -> Result<Response, Error> {
    let (agent, servers) = service::find(&app, &member, id).await?;
    service::require_to_remove(&member, &agent)?;
    let key = key_of(&app, &member, &agent).await?;
    let path = format!("{HOME}/{id}");
    let page = form_page(&app, &member, Some(Nav::Agents), "Remove agent", format!("{path}/remove"))
        .up(HOME, "Agents")
        .up(path, agent.name.clone())
        .here("Remove")
        .heading(format!("Remove {}?", agent.name))
        .text("Its servers and its policy are deleted. API keys do not change, so requests with them still work.")
        .layout(FormLayout::Grouped)
        .failed("The agent was not removed.")
        .submit("Remove agent")
        .saving("Removing…")
        .look(Look::Danger);
    let now = app.clock.now();
    let fields = move || {
        let key = key.map(|(name, calls)| {
            view! {
                <div>
                    <dt>"Registered with"</dt>
                    <dd>
                        <span class="[overflow-wrap:anywhere]" dir="auto">{name}</span>
                        <span class="cap block">{calls}</span>
                    </dd>
                </div>
            }
        });
        let policy = format!("{} allowed, {} denied", agent.allow.len(), agent.deny.len());
        view! {
            <HiddenFields fields=vec![("confirmed", "yes".to_owned())]/>
            <dl class="facts border-y border-line">
                <div>
                    <dt>"Servers"</dt>
                    <dd class="[overflow-wrap:anywhere]" dir="auto">{server_names(&servers)}</dd>
                </div>
                <div><dt>"Policy"</dt><dd>{policy}</dd></div>
                <div><dt>"Last registered"</dt><dd><Time at=agent.registered_at now/></dd></div>
                {key}
                <div>
                    <dt>"To undo"</dt>
                    <dd>"Register it again, such as with " <span class="mono text-cap">"armoriq register"</span></dd>
                </div>
            </dl>
        }
    };
    Ok(page.render(FormErrors::default(), fields).await)
}

pub async fn submit(
    State(app): State<App>,
    member: Member,
    session: Session,
    PathId(id): PathId<AgentId>,
    Form(form): Form<RemoveAgentForm>,
) -> Result<Redirect, Error> {
    if form.confirmed.is_empty() {
        let (agent, _) = service::find(&app, &member, id).await?;
        service::require_to_remove(&member, &agent)?;
        return Ok(Redirect::to(&format!("{HOME}/{id}/remove")));
    }
    let agent = service::remove(&app, &member, id).await?;
    leave_message(&session, &format!("The agent {} was removed.", agent.name)).await?;
    Ok(Redirect::to(HOME))
}

/// The name of the key that registered the agent, and how it was used lately.
async fn key_of(app: &App, member: &Member, agent: &Agent) -> Result<Option<(String, String)>, Error> {
    let Some(id) = agent.registered_by_key else { return Ok(None) };
    let key = match keys::find(app, member, id).await {
        Ok(key) => key,
        Err(Error::NotFound) => return Ok(None),
        Err(error) => return Err(error),
    };
    let recent = RecentUse::of_key(app, &key).await?;
    let calls = match recent.words() {
        Some(calls) => format!("{calls}. They go on."),
        None => "No calls in the last 24 h".to_owned(),
    };
    Ok(Some((key.name, calls)))
}
