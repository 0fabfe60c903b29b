//! `/agents/requests/{id}`: what an agent asks for. A person creates it and sees the secret, or declines it.

use std::time::Duration;

use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use leptos::prelude::*;
use serde::Deserialize;

use super::outcome;
use crate::accounts::server::sign_in_again;
use crate::approvals::server::{self as approvals, ApprovalRefusal};
use crate::approvals::{ApprovalRequest, ApprovalState, agent_request_path};
use crate::keys::server::{self as keys, AGENT_CREATES, AGENT_REASON, AgentRequest, Key, RecentUse, Refusal};
use crate::orgs::server::Member;
use crate::orgs::server::page_frame::page_for;
use crate::platform::http::PathId;
use crate::platform::{App, Error};
use crate::shared::{ApprovalId, ReturnPath, Timestamp};
use crate::ui::form::{Form as PageForm, FormErrors};
use crate::ui::parts::{
    Avatar, Button, Glyph, GlyphSize, HiddenFields, KeyText, Look, Note, Select, SelectOption, Symbol, Time,
    Tone, words,
};
use crate::ui::shell::{Solo, SoloWidth};

const HOUR: u64 = 60 * 60;
const OVERLAPS: [(u64, &str); 4] =
    [(0, "No time: it stops at once"), (1, "1 hour"), (24, "24 hours"), (168, "7 days")];

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct AgentRequestForm {
    verdict: String,
    hash: String,
    /// Hours, for a rotation.
    overlap: String,
}

pub async fn show(
    State(app): State<App>,
    member: Member,
    PathId(id): PathId<ApprovalId>,
) -> Result<Response, Error> {
    let request = find(&app, &member, id).await?;
    if request.state(app.clock.now()) != ApprovalState::Pending {
        return outcome::ended(&app, &member, request).await;
    }
    page(&app, &member, request, FormErrors::default(), StatusCode::OK).await
}

/// The request, or an error that offers to switch to its organization.
async fn find(app: &App, member: &Member, id: ApprovalId) -> Result<ApprovalRequest, Error> {
    match approvals::find_of_agent(app, member, id).await {
        Err(Error::NotFound) => {}
        found => return found,
    }
    for other in &member.visitor.memberships {
        let Some(actor) = member.visitor.actor_in(other.org) else { continue };
        if other.org != member.org.org && approvals::find_of_agent(app, &actor, id).await.is_ok() {
            let form_org = Some((other.org.to_string(), other.org_name.clone()));
            return Err(Error::OtherOrganization { current: member.org.org_name.clone(), form_org });
        }
    }
    Err(Error::NotFound)
}

pub async fn submit(
    State(app): State<App>,
    member: Member,
    PathId(id): PathId<ApprovalId>,
    Form(form): Form<AgentRequestForm>,
) -> Result<Response, Error> {
    let refusal = match form.verdict.as_str() {
        "approve" => {
            let hours = form.overlap.trim().parse::<u64>().ok();
            let overlap = hours.map(|hours| Duration::from_secs(hours.saturating_mul(HOUR)));
            match keys::confirm_agent_request(&app, &member, id, &form.hash, overlap).await {
                Ok(revealed) => return outcome::done(&app, &member, id, revealed).await,
                Err(refusal) => refusal,
            }
        }
        "deny" => match approvals::decline(&app, &member, id, &form.hash).await {
            Ok(()) => return Ok(Redirect::to(&agent_request_path(id)).into_response()),
            Err(ApprovalRefusal::Error(error)) => return Err(error),
            Err(ApprovalRefusal::State(why) | ApprovalRefusal::Input(_, why)) => Refusal::field("", why),
        },
        _ => Refusal::field("", "Choose whether to do it or to decline."),
    };
    let (errors, status) = match refusal {
        Refusal::Error(error) => return Err(error),
        Refusal::Waits(_) | Refusal::Repeated(_) => return Err(Error::OutOfStep),
        Refusal::State(why) => (FormErrors::default().with("", why), StatusCode::CONFLICT),
        // The fields were chosen by the agent and are not on this page, except for the overlap.
        Refusal::Input(wrong) => {
            let named = |field: &str| if field == "overlap" { "overlap" } else { "" };
            let errors = wrong.into_iter();
            let errors =
                errors.fold(FormErrors::default(), |errors, (field, why)| errors.with(named(field), why));
            (errors, StatusCode::UNPROCESSABLE_ENTITY)
        }
    };
    let request = find(&app, &member, id).await?;
    if request.state(app.clock.now()) != ApprovalState::Pending {
        return Ok(Redirect::to(&agent_request_path(id)).into_response());
    }
    page(&app, &member, request, errors, status).await
}

/// The key that asked, if it still exists.
pub async fn asking_key(app: &App, member: &Member, request: &ApprovalRequest) -> Result<Option<Key>, Error> {
    let Some(id) = request.key else { return Ok(None) };
    match keys::find(app, member, id).await {
        Ok(key) => Ok(Some(key)),
        Err(Error::NotFound) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The part of the page that only a rotation has.
struct RotationFacts {
    recent: RecentUse,
    /// The hours that the agent asks for.
    asked: u64,
}

async fn rotation_facts(
    app: &App,
    member: &Member,
    request: &ApprovalRequest,
) -> Result<Option<RotationFacts>, Error> {
    let AgentRequest::Rotate { key, overlap } = AgentRequest::of(request)? else { return Ok(None) };
    let key = keys::find(app, member, key).await?;
    Ok(Some(RotationFacts { recent: RecentUse::of_key(app, &key).await?, asked: overlap.as_secs() / HOUR }))
}

async fn page(
    app: &App,
    member: &Member,
    request: ApprovalRequest,
    errors: FormErrors,
    status: StatusCode,
) -> Result<Response, Error> {
    let asking = asking_key(app, member, &request).await?;
    let rotation = rotation_facts(app, member, &request).await?;
    let creates = request.kind == AGENT_CREATES;
    let title = if creates { "An agent asks for a new key" } else { "An agent asks to rotate a key" };
    let (verb, failed) = if creates {
        ("Create key", "The key was not created.")
    } else {
        ("Rotate key", "The key was not rotated.")
    };
    let now = app.clock.now();
    let host = app.public_url.authority().to_owned();
    let here = agent_request_path(request.id);
    let switch = sign_in_again(&ReturnPath::or_home(&here));
    let person = member.visitor.person.clone();
    let org = member.org.org_name.clone();
    let page = page_for(app, member, title).status(status).render(move || {
        let ends = words(request.expires_at, now, Default::default()).replacen("In", "in", 1);
        let fields = vec![("hash", request.hash.clone())];
        let symbol = if creates { Symbol::Check } else { Symbol::Rotate };
        view! {
            <Solo width=SoloWidth::Wide tall=true host>
                <h1 class="h-page text-center">{title}</h1>
                <p class="mt-1 text-center text-dense text-balance text-ink-3">
                    "Asked: "<Time at=request.created_at now/>{format!(". The link works once and expires {ends}.")}
                </p>
                <PageForm action=here errors failed class="mt-5">
                    <HiddenFields fields/>
                    // The default button for Enter; it neither approves nor denies.
                    <button
                        type="submit" name="verdict" value="none" formnovalidate tabindex="-1" aria-hidden="true"
                        class="sr-only"
                    ></button>
                    <div class="panel overflow-hidden">
                        {agent(&request, asking)}
                        {reason(&request)}
                        {facts(&request, rotation.as_ref(), now)}
                        {rotation.map(|rotation| overlap_field(rotation.asked))}
                        <div class="border-t border-line px-5 py-4">
                            <div class="flex items-center gap-2.5">
                                <Avatar name=person.name.clone()/>
                                <div class="min-w-0 flex-1 text-dense leading-4 [overflow-wrap:anywhere]">
                                    <div class="font-medium" dir="auto">{person.name.clone()}</div>
                                    <div class="cap" dir="auto">{format!("{} in {org}", person.email)}</div>
                                </div>
                                <a class="link flex-none text-dense" href=switch>"Use another account"</a>
                            </div>
                            <Note tone=Tone::Plain class="mt-4">
                                <p>
                                    <b class="text-ink">"You will see the secret, the agent will not."</b>
                                    " It learns the key's name and the visible beginning, and that you did it."
                                </p>
                            </Note>
                            <div class="mt-4 grid grid-cols-2 gap-3">
                                <Button look=Look::Verdict icon=Symbol::Cross name="verdict" value="deny" unchecked=true>
                                    "Decline"
                                </Button>
                                <Button look=Look::Verdict icon=symbol name="verdict" value="approve">{verb}</Button>
                            </div>
                        </div>
                    </div>
                </PageForm>
            </Solo>
        }
    });
    Ok(page.await)
}

/// The key that asks.
fn agent(request: &ApprovalRequest, asking: Option<Key>) -> AnyView {
    let name = request.key_name.clone();
    let creator = request.requester_name.clone();
    let (glyph, about) = match asking {
        Some(key) => {
            let (kind, start) = (key.kind, key.secret.to_string());
            let seed = start.clone();
            let caption = format!("{}, created by {creator}", key.role.label());
            let off = key.revoked_at.is_some();
            (
                Some(view! { <Glyph seed kind off size=GlyphSize::Large/> }),
                view! { <KeyText kind start/><span class="cap" dir="auto">{caption}</span> }.into_any(),
            )
        }
        None => {
            (None, view! { <span class="cap" dir="auto">{format!("Created by {creator}")}</span> }.into_any())
        }
    };
    view! {
        <div class="border-b border-line bg-sunken px-5 py-4">
            <div class="flex items-center gap-3.5">
                {glyph}
                <div class="min-w-0">
                    <p class="text-lead font-semi [overflow-wrap:anywhere]" dir="auto">{name}</p>
                    <p class="flex flex-wrap items-center gap-x-3">{about}</p>
                </div>
            </div>
        </div>
    }
    .into_any()
}

fn reason(request: &ApprovalRequest) -> Option<AnyView> {
    let (_, reason) = request.details.iter().find(|(label, _)| label == AGENT_REASON)?;
    let reason = format!("“{reason}”");
    Some(
        view! {
            <div class="border-b border-line px-5 py-4">
                <h2 class="label mb-1.5">"Why"</h2>
                <blockquote
                    class="border-l-2 border-edge pl-3 text-dense whitespace-pre-line text-ink-2 [overflow-wrap:anywhere]"
                    dir="auto"
                >
                    {reason}
                </blockquote>
                <p class="hint mt-1.5">"The agent’s own words. Nobody has checked them."</p>
            </div>
        }
        .into_any(),
    )
}

fn facts(request: &ApprovalRequest, rotation: Option<&RotationFacts>, now: Timestamp) -> AnyView {
    let details = request.details.iter().filter(|(label, _)| label != AGENT_REASON);
    let rows = details.map(|(label, text)| {
        let (label, text) = (label.clone(), text.clone());
        view! { <div><dt>{label}</dt><dd class="whitespace-pre-line [overflow-wrap:anywhere]" dir="auto">{text}</dd></div> }
    });
    let rows = rows.collect_view();
    let recent = rotation.map(|rotation| rotation.recent.rows(now));
    view! { <dl class="facts px-5 py-2">{rows}{recent}</dl> }.into_any()
}

fn overlap_field(asked: u64) -> AnyView {
    let mut choices = OVERLAPS.map(|(hours, label)| (hours, label.to_owned())).to_vec();
    match choices.iter_mut().find(|(hours, _)| *hours == asked) {
        Some((_, label)) => label.push_str(", as the agent asks"),
        None => choices.push((asked, format!("{asked} hours, as the agent asks"))),
    }
    choices.sort_unstable();
    let options = choices
        .into_iter()
        .map(|(hours, label)| SelectOption::new(hours.to_string(), label, hours == asked))
        .collect();
    view! {
        <div class="border-t border-line px-5 py-4">
            <Select
                name="overlap" label="The old secret stays valid for" options hint="Both secrets work meanwhile."
            />
        </div>
    }
    .into_any()
}
