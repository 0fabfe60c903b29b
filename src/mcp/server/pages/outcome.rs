//! What became of a request: the new secret for the person who confirmed it, or how it ended.

use axum::response::Response;
use leptos::prelude::*;
use serde_json::json;

use crate::approvals::server as approvals;
use crate::approvals::{ApprovalRequest, ApprovalState};
use crate::keys::server::{AGENT_CREATES, Revealed, reveal_for_agent};
use crate::orgs::server::Member;
use crate::orgs::server::page_frame::page_for;
use crate::platform::{App, Error};
use crate::shared::{ApprovalId, KeyId};
use crate::ui::parts::{ExactTime, LinkButton};
use crate::ui::shell::{Solo, SoloWidth};

/// The response to the confirmation, which alone contains the secret.
pub async fn done(app: &App, member: &Member, id: ApprovalId, revealed: Revealed) -> Result<Response, Error> {
    let request = approvals::find_of_agent(app, member, id).await?;
    let title = if request.kind == AGENT_CREATES { "Key created" } else { "Key rotated" };
    let key = &revealed.key;
    let prefix = format!("{}_{}", key.kind.prefix(), key.secret);
    let answer = json!({ "status": "done", "name": key.name, "prefix": prefix });
    let answer = serde_json::to_string_pretty(&answer).unwrap_or_default();
    let reveal = reveal_for_agent(revealed, answer);
    let host = app.public_url.authority().to_owned();
    let page = page_for(app, member, title).render(move || {
        let reveal = reveal();
        view! {
            <Solo width=SoloWidth::Wide tall=true host>
                <h1 class="h-page text-center">{title}</h1>
                {reveal}
            </Solo>
        }
    });
    Ok(page.await)
}

/// The page of a request that nobody can confirm any more.
pub async fn ended(app: &App, member: &Member, request: ApprovalRequest) -> Result<Response, Error> {
    let state = request.state(app.clock.now());
    let who = request.decided_by_name.clone();
    let creates = request.kind == AGENT_CREATES;
    let (title, text) = match state {
        ApprovalState::Used if creates => ("Key created", format!("{who} created this key and saw its secret.")),
        ApprovalState::Used => ("Key rotated", format!("{who} rotated this key and saw its new secret.")),
        ApprovalState::Denied => ("Request declined", format!("{who} declined this. Nothing was changed.")),
        ApprovalState::Withdrawn => {
            ("Request withdrawn", "The request was withdrawn. Nothing was changed.".to_owned())
        }
        ApprovalState::Expired | ApprovalState::Pending | ApprovalState::Approved => (
            "This request has ended",
            "Links of agents work once, for 10 minutes. Nothing was changed. Ask the agent to try again; it gets a new link."
                .to_owned(),
        ),
    };
    let key = KeyId::parse(&request.result).map(|id| format!("/settings/api-keys/{id}"));
    let host = app.public_url.authority().to_owned();
    let page = page_for(app, member, title).render(move || {
        let (asked_by, asked_for) = (request.key_name.clone(), request.title.clone());
        let at = request.ended_at.or(request.decided_at).unwrap_or(request.expires_at);
        let link = key.map(|href| {
            view! {
                <div class="mt-6 flex justify-center"><LinkButton href>"See the key"</LinkButton></div>
            }
        });
        view! {
            <Solo host>
                <div class="text-center">
                    <h1 class="h-page">{title}</h1>
                    <p class="mx-auto mt-1.5 max-w-[24rem] text-balance text-ink-2 [overflow-wrap:anywhere]" dir="auto">{text}</p>
                </div>
                <div class="panel mt-6 px-5 py-2">
                    <dl class="facts">
                        <div><dt>"Asked by"</dt><dd class="[overflow-wrap:anywhere]" dir="auto">{asked_by}</dd></div>
                        <div><dt>"Asked for"</dt><dd class="[overflow-wrap:anywhere]" dir="auto">{asked_for}</dd></div>
                        <div><dt>"Ended"</dt><dd><ExactTime at/></dd></div>
                    </dl>
                </div>
                {link}
            </Solo>
        }
    });
    Ok(page.await)
}
