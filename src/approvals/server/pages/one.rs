//! `/approvals/{id}`: one request, with Approve and Deny for a second person, and the next step for the requester.

use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use leptos::prelude::*;
use serde::Deserialize;
use tower_sessions::Session;

use super::card::{CardActions, card};
use crate::approvals::server::ApprovalHandlers;
use crate::approvals::server::service::{self, ApprovalRefusal, ApprovalVerdict, DecisionDraft};
use crate::approvals::{ApprovalRequest, ApprovalState, agent_request_path, approval_path, is_of_agent};
use crate::orgs::server::Member;
use crate::orgs::server::page_frame::{chrome, page_for, toast};
use crate::platform::http::PathId;
use crate::platform::{App, Error};
use crate::shared::ApprovalId;
use crate::ui::form::FormErrors;
use crate::ui::server::message::{leave_error, leave_message};
use crate::ui::shell::{Breadcrumb, Nav, PageHead, Shell};

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct ApprovalVerdictForm {
    verdict: String,
    hash: String,
    reason: String,
}

pub async fn show(
    State(app): State<App>,
    member: Member,
    PathId(id): PathId<ApprovalId>,
) -> Result<Response, Error> {
    let request = service::find(&app, &member, id).await?;
    if is_of_agent(&request.kind) {
        return Ok(Redirect::to(&agent_request_path(id)).into_response());
    }
    let actions = actions_for(&app, &member, &request);
    Ok(page(&app, &member, request, actions, StatusCode::OK).await)
}

pub async fn decide(
    State(app): State<App>,
    member: Member,
    session: Session,
    PathId(id): PathId<ApprovalId>,
    Form(form): Form<ApprovalVerdictForm>,
) -> Result<Response, Error> {
    let verdict = match form.verdict.as_str() {
        "approve" => Some(ApprovalVerdict::Approve),
        "deny" => Some(ApprovalVerdict::Deny),
        _ => None,
    };
    let result = match verdict {
        Some(verdict) => {
            let draft = DecisionDraft { verdict, hash: form.hash, reason: form.reason.clone() };
            service::decide(&app, &member, id, &draft).await
        }
        None => Err(ApprovalRefusal::Input("", "Choose Approve or Deny.".to_owned())),
    };
    match result {
        Ok(request) => {
            let verb =
                if request.state(app.clock.now()) == ApprovalState::Denied { "denied" } else { "approved" };
            leave_message(&session, &format!("You {verb} the request of {}.", request.requester_name))
                .await?;
            Ok(Redirect::to(&approval_path(id)).into_response())
        }
        Err(ApprovalRefusal::Input(field, why)) => {
            let request = service::find(&app, &member, id).await?;
            if let Some(why) = request.why_cannot_decide(&member) {
                return Err(Error::Forbidden(why));
            }
            let errors = FormErrors::default().with(field, why);
            let actions = CardActions::Decide { errors, reason: form.reason };
            Ok(page(&app, &member, request, actions, StatusCode::UNPROCESSABLE_ENTITY).await)
        }
        Err(refusal) => refused(&session, id, refusal).await,
    }
}

pub async fn withdraw(
    State(app): State<App>,
    member: Member,
    session: Session,
    PathId(id): PathId<ApprovalId>,
) -> Result<Response, Error> {
    match service::withdraw(&app, &member, id).await {
        Ok(_) => leave_message(&session, "Your request was withdrawn.").await?,
        Err(refusal) => return refused(&session, id, refusal).await,
    }
    Ok(Redirect::to(&approval_path(id)).into_response())
}

/// Redirects to the page of the request, which shows its current state, with the reason for the refusal.
async fn refused(session: &Session, id: ApprovalId, refusal: ApprovalRefusal) -> Result<Response, Error> {
    match refusal {
        ApprovalRefusal::Error(error) => return Err(error),
        ApprovalRefusal::State(why) | ApprovalRefusal::Input(_, why) => leave_error(session, &why).await?,
    }
    Ok(Redirect::to(&approval_path(id)).into_response())
}

/// What the member can do with the request.
pub fn actions_for(app: &App, member: &Member, request: &ApprovalRequest) -> CardActions {
    let state = request.state(app.clock.now());
    if is_of_agent(&request.kind) {
        return match state {
            ApprovalState::Pending => CardActions::Open(agent_request_path(request.id)),
            _ => CardActions::Nothing(String::new()),
        };
    }
    if request.requester == member.user {
        let slice = app.slice::<ApprovalHandlers>().for_kind(&request.kind);
        let next =
            slice.filter(|_| state == ApprovalState::Approved).and_then(|slice| slice.next_step(request));
        return CardActions::Own { next, can_withdraw: state.is_open() };
    }
    if state != ApprovalState::Pending {
        return CardActions::Nothing(String::new());
    }
    match request.why_cannot_decide(member) {
        Some(why) => CardActions::Nothing(why),
        None => CardActions::Decide { errors: FormErrors::default(), reason: String::new() },
    }
}

async fn page(
    app: &App,
    member: &Member,
    request: ApprovalRequest,
    actions: CardActions,
    status: StatusCode,
) -> Response {
    let now = app.clock.now();
    let chrome = chrome(app, member, Some(Nav::Approvals), &approval_path(request.id));
    let message = member.visitor.message.clone();
    let title = request.title.clone();
    page_for(app, member, &title)
        .status(status)
        .render(move || {
            let toast = message.map(toast);
            let up = vec![("/approvals".to_owned(), "Approvals".to_owned())];
            let card = card(&request, actions, false, now);
            view! {
                <Shell chrome toast>
                    <Breadcrumb up here=title.clone()/>
                    <PageHead title=title/>
                    <div class="mt-6">{card}</div>
                </Shell>
            }
        })
        .await
}
