//! `/settings/agents/connect`: the configuration of MCP clients for this server. CSS shows the one for the chosen client and login.

use axum::extract::{Query, State};
use axum::response::Response;
use leptos::prelude::*;
use serde::Deserialize;

use super::setups::{BROWSER, CLIENTS, ClientSetup, KEY, SETUPS};
use crate::mcp::server::endpoint::{PATH, first_call};
use crate::orgs::server::Member;
use crate::orgs::server::page_frame::{chrome, page_for, toast};
use crate::platform::{App, Error};
use crate::shared::Permission;
use crate::ui::islands::CopyButton;
use crate::ui::parts::{Icon, LivePart, Symbol};
use crate::ui::shell::{Breadcrumb, Nav, PageHead, Shell};

pub const HERE: &str = "/settings/agents/connect";
const DEFAULT_CLIENT: &str = "code";

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct ConnectQuery {
    client: String,
    way: String,
}

pub async fn show(
    State(app): State<App>,
    member: Member,
    Query(query): Query<ConnectQuery>,
) -> Result<Response, Error> {
    member.require(Permission::See)?;
    let client = CLIENTS.iter().map(|(id, ..)| *id).find(|id| *id == query.client).unwrap_or(DEFAULT_CLIENT);
    let way = if query.way == KEY { KEY } else { BROWSER };
    let origin = app.public_url.origin().to_owned();
    let topic = app.live.expect(first_call(member.org.org));
    let chrome = chrome(&app, &member, Some(Nav::Agents), HERE);
    let message = member.visitor.message.clone();
    let may_create = member.may(Permission::ManageOwnKeys);
    let page = page_for(&app, &member, "Connect an agent").render(move || {
        let toast = message.map(toast);
        let up = vec![(Nav::Agents.path().to_owned(), "Agents".to_owned())];
        let address = format!("{origin}{PATH}");
        view! {
            <Shell chrome toast>
                <Breadcrumb up here="Connect an agent"/>
                <PageHead
                    title="Connect an agent"
                    text="Give an MCP client the tools of Latchkey: see keys and who uses them, ask for new ones, rotate and revoke."
                />
                <div class="mt-3 grid grid-cols-[minmax(0,1fr)] gap-x-14 gap-y-8 xl:grid-cols-[minmax(0,46rem)_minmax(0,1fr)]">
                    <div class="connect min-w-0 max-w-[46rem]">
                        {stage(1, "Choose the client", clients(client))}
                        {stage(2, "Choose how it logs in", ways(way, may_create))}
                        {stage(3, "Set it up", panes(&origin))}
                        {stage(4, "Make one call", first(topic))}
                    </div>
                    {aside(address)}
                </div>
            </Shell>
        }
    });
    Ok(page.await)
}

fn stage(number: u8, title: &'static str, content: AnyView) -> AnyView {
    let id = format!("stage-{number}");
    let heading = id.clone();
    view! {
        <section class="stage" aria-labelledby=heading>
            <span class="stage-n" aria-hidden="true">{number}</span>
            <div class="min-w-0"><h2 class="h-sect" id=id>{title}</h2></div>
            <div class="stage-wide mt-3 min-w-0 sm:col-start-2">{content}</div>
        </section>
    }
    .into_any()
}

fn clients(chosen: &'static str) -> AnyView {
    let choices = CLIENTS.iter().map(|(id, tile, name)| {
        view! {
            <label class="choice choice-cell">
                <input class="sr-only" type="radio" name="client" id=format!("c-{id}") value=*id checked=*id == chosen/>
                <span class="tile" aria-hidden="true">{*tile}</span>
                <span class="font-medium">{*name}</span>
            </label>
        }
    });
    view! {
        <fieldset>
            <legend class="sr-only">"Client"</legend>
            <div class="choices clients">{choices.collect_view()}</div>
        </fieldset>
    }
    .into_any()
}

fn ways(chosen: &'static str, may_create: bool) -> AnyView {
    let create = if may_create {
        view! { <a class="link over" href="/settings/api-keys/new">"Create an MCP key"</a> " first." }
            .into_any()
    } else {
        "Ask an admin for an MCP key.".into_any()
    };
    let choice = |way: &'static str, title: &'static str, text: AnyView| {
        view! {
            <label class="choice grid-cols-[1rem_minmax(0,1fr)] !items-start !py-2.5">
                <input class="radio mt-0.5" type="radio" name="way" id=format!("w-{way}") value=way checked=way == chosen/>
                <span>
                    <span class="font-medium">{title}</span>
                    <span class="cap mt-0.5 block">{text}</span>
                </span>
            </label>
        }
    };
    let browser =
        "Recommended. No key to paste: you approve once, it renews itself, and you can end it at any time."
            .into_any();
    let key = view! {
        "For servers and clients without a browser. "
        {create}
        " Put it in place of "
        <span class="mono">"amt_…"</span>
        "."
    };
    view! {
        <fieldset>
            <legend class="sr-only">"Login"</legend>
            <div class="choices">
                {choice(BROWSER, "Log in with the browser", browser)}
                {choice(KEY, "Paste a key", key.into_any())}
            </div>
        </fieldset>
    }
    .into_any()
}

fn panes(origin: &str) -> AnyView {
    SETUPS.iter().map(|setup| pane(setup, origin)).collect_view().into_any()
}

fn pane(setup: &'static ClientSetup, origin: &str) -> AnyView {
    let ClientSetup { client, way, about, place, hint, .. } = setup;
    let code = format!("setup-{client}-{way}");
    let text = setup.render(origin);
    view! {
        <div class=format!("pane p-{client}-{way}")>
            <p class="text-ink-2">{*about}</p>
            <div class="mt-3 flex items-center justify-between gap-3">
                <span class="mono min-w-0 text-cap text-ink-3 [overflow-wrap:anywhere]">{*place}</span>
                <CopyButton target=code.clone() class="btn btn-ghost btn-sm -mr-2".to_owned() name=String::new()>
                    <Icon symbol=Symbol::Copy/>
                    "Copy"
                </CopyButton>
            </div>
            <pre
                class="code mt-1" id=code tabindex="0" role="group"
                aria-label=format!("Configuration for {}", setup.name()) translate="no"
            >
                {text}
            </pre>
            {(!hint.is_empty()).then(|| view! { <p class="hint mt-2">{*hint}</p> })}
        </div>
    }
    .into_any()
}

fn first(topic: String) -> AnyView {
    view! {
        <p class="mb-3 text-ink-2">"Ask the agent: “Which of our API keys were not used for 90 days?”"</p>
        <div class="panel px-4 py-3.5 text-dense sm:px-5">
            <LivePart
                topic waiting="Waiting for the first call…" soon="It appears here within a second of arriving."
                elsewhere=(Nav::Keys.path().to_owned(), "See the calls on the key's page.".to_owned())
                done="First call received."
            />
        </div>
    }
    .into_any()
}

fn aside(address: String) -> AnyView {
    let line = |symbol, text: &'static str| {
        view! { <li class="flex gap-2"><Icon symbol class="mt-0.5"/><span>{text}</span></li> }
    };
    view! {
        <aside
            class="max-xl:max-w-[46rem] max-xl:border-t max-xl:border-line max-xl:pt-6 xl:pt-6" aria-labelledby="gets"
        >
            <h2 class="text-dense font-semi" id="gets">"What it gets"</h2>
            <ul class="mt-1.5 grid gap-1 text-dense text-ink-2">
                {line(Symbol::Check, "Who uses a key, and which keys are idle")}
                {line(Symbol::Check, "Disable and revoke keys, up to its role")}
                {line(Symbol::Check, "Ask a person for a new key or a rotation")}
                {line(Symbol::Cross, "Never the secret of a key")}
            </ul>
            <p class="hint mt-3">
                "It can do at most what its role allows. Every change is in the audit log under the name of its key."
            </p>
            <h2 class="mt-6 border-t border-line pt-4 text-dense font-semi">"Address"</h2>
            <p class="mono mt-1 text-cap leading-5 text-ink-2 select-all [overflow-wrap:anywhere]">{address}</p>
        </aside>
    }
    .into_any()
}
