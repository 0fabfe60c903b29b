//! The list of agents, by name.

use axum::extract::{Query, State};
use axum::response::Response;
use leptos::prelude::*;
use serde::Deserialize;

use super::HOME;
use crate::agents::server::service::{self, Agent, McpServer};
use crate::orgs::server::Member;
use crate::orgs::server::page_frame::{chrome, page_for, toast};
use crate::platform::{App, Error};
use crate::shared::Timestamp;
use crate::ui::parts::{
    Cell, Column, EmptyState, LinkButton, Pagination, Panel, Row, RowLink, Table, Time, counted,
};
use crate::ui::shell::{Nav, PageHead, Shell};

/// The page with configurations for MCP clients.
const CONNECT: &str = "/settings/agents/connect";
/// The most servers of an agent that the list names.
const MAX_NAMED: usize = 3;

#[derive(Default, Deserialize)]
pub struct AgentsQuery {
    #[serde(default)]
    after: String,
}

pub async fn show(
    State(app): State<App>,
    member: Member,
    Query(AgentsQuery { after }): Query<AgentsQuery>,
) -> Result<Response, Error> {
    let found = service::list(&app, &member, &after).await?;
    let now = app.clock.now();
    let chrome = chrome(&app, &member, Some(Nav::Agents), HOME);
    let message = member.visitor.message.clone();
    let page = page_for(&app, &member, "Agents").render(move || {
        let count = found.agents.len() as u64;
        let next = found.next.as_deref().map(next_page).unwrap_or_default();
        let previous = if after.is_empty() { "" } else { HOME };
        let rows = found.agents.into_iter().map(|(agent, servers)| row(agent, &servers, now)).collect_view();
        let content = if count == 0 {
            empty_list(!after.is_empty())
        } else {
            view! {
                <Panel class="mt-6">
                    <Table caption="Agents" columns=columns()>{rows}</Table>
                    <Pagination
                        summary=counted(count, "agent", "agents") previous next previous_label="First page"
                    />
                </Panel>
            }
            .into_any()
        };
        let toast = message.map(toast);
        view! {
            <Shell chrome toast>
                <PageHead
                    title="Agents"
                    text="Programs that registered themselves with armoriq register, the MCP servers they use and the tools they may call there."
                >
                    <LinkButton href=CONNECT>"Connect an agent"</LinkButton>
                </PageHead>
                {content}
            </Shell>
        }
    });
    Ok(page.await)
}

/// The page that begins after the agent with this name.
fn next_page(name: &str) -> String {
    let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("after", name).finish();
    format!("{HOME}?{query}")
}

fn empty_list(is_later_page: bool) -> AnyView {
    if is_later_page {
        return view! {
            <EmptyState class="mt-6" title="No more agents" text="The list ends before this page.">
                <LinkButton href=HOME>"First page"</LinkButton>
            </EmptyState>
        }
        .into_any();
    }
    view! {
        <EmptyState
            class="mt-6" title="No agents yet"
            text="Log in with armoriq login, describe the agent with armoriq init, and register it:"
        >
            <code class="code w-fit">"armoriq register"</code>
        </EmptyState>
    }
    .into_any()
}

fn columns() -> Vec<Column> {
    ["Agent", "Environment", "MCP servers", "Policy", "Registered"].into_iter().map(Column::new).collect()
}

fn row(agent: Agent, servers: &[McpServer], now: Timestamp) -> AnyView {
    let href = format!("{HOME}/{}", agent.id);
    let (server_names, policy) = (server_names(servers), policy(&agent.allow, &agent.deny));
    let Agent { name, user, environment, registered_at, .. } = agent;
    view! {
        <Row>
            <Cell class="full max-sm:mb-1">
                <RowLink href text=name/>
                {(!user.is_empty()).then(|| view! { <div class="cap [overflow-wrap:anywhere]" dir="auto">{user}</div> })}
            </Cell>
            <Cell class="align-middle text-ink-2" label="Environment">{environment.label()}</Cell>
            <Cell class="align-middle [overflow-wrap:anywhere]" label="MCP servers">{server_names}</Cell>
            <Cell class="align-middle text-ink-2 sm:whitespace-nowrap" label="Policy">{policy}</Cell>
            <Cell class="align-middle text-ink-2 sm:whitespace-nowrap" label="Registered"><Time at=registered_at now/></Cell>
        </Row>
    }
    .into_any()
}

/// The names of the first few servers, and the number of the others.
pub fn server_names(servers: &[McpServer]) -> String {
    let names = servers.iter().take(MAX_NAMED).map(|server| server.name.as_str()).collect::<Vec<_>>();
    match (servers.len(), servers.len().saturating_sub(MAX_NAMED)) {
        (0, _) => "None".to_owned(),
        (_, 0) => names.join(", "),
        (_, more) => format!("{} and {more} more", names.join(", ")),
    }
}

fn policy(allow: &[String], deny: &[String]) -> String {
    format!("{} allowed, {} denied", allow.len(), deny.len())
}
