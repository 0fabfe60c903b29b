//! One agent: its servers, its policy, and who registered it.

use std::collections::HashMap;

use axum::extract::State;
use axum::response::Response;
use leptos::prelude::*;

use super::HOME;
use crate::accounts::server::names;
use crate::agents::server::service::{self, Agent, McpServer};
use crate::orgs::server::Member;
use crate::orgs::server::page_frame::{chrome, page_for};
use crate::platform::http::PathId;
use crate::platform::{App, Error};
use crate::shared::{AgentId, Timestamp, UserId};
use crate::ui::parts::{Cell, Column, LinkButton, Look, Panel, Row, Symbol, Table, Time, Wording};
use crate::ui::shell::{Breadcrumb, Nav, PageHead, Shell};

pub async fn show(
    State(app): State<App>,
    member: Member,
    PathId(id): PathId<AgentId>,
) -> Result<Response, Error> {
    let (agent, servers) = service::find(&app, &member, id).await?;
    let people = names(&app, &[agent.created_by, agent.registered_by]).await?;
    let now = app.clock.now();
    let chrome = chrome(&app, &member, Some(Nav::Agents), &format!("{HOME}/{id}"));
    let removable = service::may_remove(&member, &agent);
    let page = page_for(&app, &member, &agent.name).render(move || {
        let name = agent.name.clone();
        view! {
            <Shell chrome>
                <Breadcrumb up=vec![(HOME.to_owned(), "Agents".to_owned())] here=name.clone()/>
                <PageHead title=name/>
                <div class="mt-6 grid gap-x-10 gap-y-8 lg:grid-cols-[minmax(0,1fr)_18rem]">
                    <div class="grid min-w-0 content-start gap-8">
                        {servers_of(servers)}
                        {refs("allowed", "Allowed", "Nothing is allowed.", agent.allow.clone())}
                        {refs("denied", "Denied", "Nothing is denied.", agent.deny.clone())}
                    </div>
                    {facts(&agent, &people, now)}
                </div>
                {removable.then(|| danger(&agent))}
            </Shell>
        }
    });
    Ok(page.await)
}

fn servers_of(servers: Vec<McpServer>) -> AnyView {
    let content = if servers.is_empty() {
        empty_text("This agent registered no MCP servers.")
    } else {
        let columns = ["Server", "Address", "Sign-in"].into_iter().map(Column::new).collect();
        let rows = servers.into_iter().map(|server| {
            let McpServer { name, url, description, auth } = server;
            view! {
                <Row>
                    <Cell class="full max-sm:mb-1">
                        <b class="font-semi [overflow-wrap:anywhere]" dir="auto">{name}</b>
                        {(!description.is_empty())
                            .then(|| view! { <div class="cap [overflow-wrap:anywhere]" dir="auto">{description}</div> })}
                    </Cell>
                    <Cell class="full [overflow-wrap:anywhere]" label="Address">
                        <span class="mono text-cap leading-5">{url}</span>
                    </Cell>
                    <Cell class="text-ink-2 sm:whitespace-nowrap" label="Sign-in">{auth.label()}</Cell>
                </Row>
            }
        });
        view! { <Panel class="mt-3"><Table caption="MCP servers" columns>{rows.collect_view()}</Table></Panel> }
            .into_any()
    };
    view! {
        <section aria-labelledby="servers">
            <h2 class="h-sect" id="servers">"MCP servers"</h2>
            {content}
        </section>
    }
    .into_any()
}

fn refs(id: &'static str, title: &'static str, none: &'static str, refs: Vec<String>) -> AnyView {
    let content = if refs.is_empty() {
        empty_text(none)
    } else {
        let items = refs.into_iter().map(|text| {
            view! { <li class="mono text-cap leading-5 [overflow-wrap:anywhere]" dir="auto">{text}</li> }
        });
        view! { <ul class="mt-2 grid gap-1 border-t border-line py-2">{items.collect_view()}</ul> }.into_any()
    };
    view! {
        <section aria-labelledby=id>
            <h2 class="h-sect" id=id>{title}</h2>
            {content}
        </section>
    }
    .into_any()
}

fn empty_text(text: &'static str) -> AnyView {
    view! { <p class="mt-2 border-t border-line py-2 text-dense text-ink-2">{text}</p> }.into_any()
}

fn facts(agent: &Agent, people: &HashMap<UserId, String>, now: Timestamp) -> AnyView {
    let by = |id: UserId| format!("by {}", people.get(&id).map_or("a former person", String::as_str));
    let (first, last) = (by(agent.created_by), by(agent.registered_by));
    let user = (!agent.user.is_empty()).then(|| {
        view! { <div><dt>"User id"</dt><dd class="[overflow-wrap:anywhere]" dir="auto">{agent.user.clone()}</dd></div> }
    });
    let (created_at, registered_at) = (agent.created_at, agent.registered_at);
    let first_registration = (registered_at != created_at).then(|| {
        view! {
            <div>
                <dt>"First registered"</dt>
                <dd><Time at=created_at now wording=Wording::Day/><span class="cap block" dir="auto">{first}</span></dd>
            </div>
        }
    });
    view! {
        <section aria-labelledby="facts">
            <h2 class="h-sect" id="facts">"Facts"</h2>
            <dl class="facts mt-2">
                <div><dt>"Environment"</dt><dd>{agent.environment.label()}</dd></div>
                {user}
                <div>
                    <dt>"Registered"</dt>
                    <dd><Time at=registered_at now/><span class="cap block" dir="auto">{last}</span></dd>
                </div>
                {first_registration}
            </dl>
        </section>
    }
    .into_any()
}

fn danger(agent: &Agent) -> AnyView {
    let href = format!("{HOME}/{}/remove", agent.id);
    view! {
        <section
            class="mt-10 flex flex-wrap items-center justify-between gap-x-8 gap-y-3 rounded-panel border border-danger-line px-4 py-4 sm:px-5"
            aria-labelledby="danger"
        >
            <div>
                <h2 class="h-sect" id="danger">"Remove this agent"</h2>
                <p class="mt-0.5 text-dense text-ink-2">
                    "Its servers and its policy are deleted. You can register it again later. API keys do not change."
                </p>
            </div>
            <LinkButton href look=Look::DangerQuiet icon=Symbol::Ban>"Remove agent…"</LinkButton>
        </section>
    }
    .into_any()
}
