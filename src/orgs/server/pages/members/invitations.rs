//! Inviting, and what can be done with invitations that are pending. A link is shown in the answer to the form and never
//! again.

use axum::extract::{Form, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use leptos::prelude::*;
use serde::Deserialize;
use tower_sessions::Session;

use super::HOME;
use super::list::{Wanted, given_by, page};
use crate::orgs::server::service::{self, Invitation, Invited};
use crate::orgs::server::{Member, leave_word};
use crate::platform::{App, Error, Posted};
use crate::shared::{InvitationId, Role, Timestamp};
use crate::ui::form::{ErrorSummary, Form as PageForm, FormErrors, SubmitButton};
use crate::ui::islands::CopyButton;
use crate::ui::parts::{
    Button, Cell, Column, Icon, Input, Look, Note, Panel, RolePins, Row, Select, SelectOption, Size, Symbol,
    Table, Time, Tone, button_class,
};

/// What was typed into the form.
#[derive(Clone, Default, Deserialize)]
pub struct Typed {
    #[serde(default)]
    emails: String,
    #[serde(default)]
    role: String,
}

pub async fn invite(
    State(app): State<App>,
    member: Member,
    Form(typed): Form<Typed>,
) -> Result<Response, Error> {
    let role = Role::parse(&typed.role).unwrap_or(Role::Member);
    match service::invite(&app, &member, &typed.emails, role).await? {
        Ok(invited) => shown(&app, &member, invited).await,
        Err(why) => {
            let errors = FormErrors::default().with("emails", why);
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            page(&app, &member, Wanted::default(), typed, Vec::new(), errors, status).await
        }
    }
}

pub async fn resend(
    State(app): State<App>,
    member: Member,
    Path(id): Path<String>,
) -> Result<Response, Error> {
    let invited = service::resend(&app, &member, &InvitationId::from_text(id)).await?;
    shown(&app, &member, vec![invited]).await
}

pub async fn withdraw(
    State(app): State<App>,
    member: Member,
    session: Session,
    Path(id): Path<String>,
) -> Result<Response, Error> {
    let withdrawn = service::withdraw(&app, &member, &InvitationId::from_text(id)).await?;
    leave_word(&session, &format!("The invite of {} was canceled.", withdrawn.email)).await?;
    Ok(Redirect::to(HOME).into_response())
}

async fn shown(app: &App, member: &Member, invited: Vec<Invited>) -> Result<Response, Error> {
    let none = FormErrors::default();
    page(app, member, Wanted::default(), Typed::default(), invited, none, StatusCode::OK).await
}

/// The links of this answer, to be handed over by whatever way people have.
pub fn fresh_links(invited: Vec<Invited>) -> Option<AnyView> {
    if invited.is_empty() {
        return None;
    }
    let told = told(&invited);
    let links = invited.into_iter().enumerate().map(|(place, Invited { email, role, link, .. })| {
        let id = format!("link-{place}");
        view! {
            <li class="border-t border-line pt-3">
                <p class="[overflow-wrap:anywhere]"><b class="font-semi">{email.clone()}</b>{format!(" as {}", role.with_article())}</p>
                <div class="mt-1.5 flex flex-wrap items-center gap-2">
                    <code class="mono min-w-0 select-all [overflow-wrap:anywhere]" id=id.clone()>{link.expose().to_owned()}</code>
                    <CopyButton
                        target=id
                        class=button_class(Look::Secondary, Size::Small, "")
                        name=format!("Copy the link for {email}")
                    >
                        <Icon symbol=Symbol::Copy/>
                        "Copy"
                    </CopyButton>
                </div>
            </li>
        }
    });
    let view = view! {
        <Note tone=Tone::Ok class="mt-6">
            <p>{told}</p>
            <ul class="mt-3 grid gap-3" id="invite-links">{links.collect_view()}</ul>
        </Note>
    };
    Some(view.into_any())
}

/// Letters may get lost, so the links are shown with them too.
fn told(invited: &[Invited]) -> &'static str {
    let all = |posted| invited.iter().all(|invited| invited.posted == posted);
    if all(Posted::Queued) {
        "A letter with the link is on its way to each. The link works once, within a week, and is shown only now."
    } else if all(Posted::NoMail) {
        "Send each their link. It works once, within a week, and is shown only now."
    } else {
        "Not every letter could be sent. Send each their link. It works once, within a week, and is shown only now."
    }
}

pub fn invite_form(own: Role, typed: Typed, errors: FormErrors) -> AnyView {
    let chosen = Role::parse(&typed.role).unwrap_or(Role::Member);
    let options: Vec<_> =
        given_by(own).map(|role| SelectOption::new(role.as_str(), role.label(), role == chosen)).collect();
    view! {
        <PageForm action=HOME errors class="panel mt-6 grid gap-4 p-4 sm:px-5">
            <ErrorSummary failed="Nobody was invited."/>
            <div class="flex flex-wrap items-start gap-3">
                <Input
                    name="emails" label="Invite people" value=typed.emails autocomplete="off" verbatim=true
                    placeholder="name@company.example, another@company.example" class="min-w-56 flex-1 max-sm:basis-full"
                />
                <Select name="role" label="Role" options class="w-40 max-sm:flex-1"/>
                <SubmitButton
                    text="Invite" saving="Inviting…" icon=Symbol::Mail class="mt-6.5 h-[2.125rem] max-sm:h-10"
                />
            </div>
        </PageForm>
    }
    .into_any()
}

pub fn pending_list(pending: Vec<Invitation>, own: Role, now: Timestamp) -> AnyView {
    let columns = vec![
        Column::new("Email"),
        Column::new("Role"),
        Column::new("Invited by"),
        Column::new("Sent"),
        Column::new("Expires"),
        Column::hidden("Actions"),
    ];
    let rows = pending.into_iter().map(|invitation| row(invitation, own, now)).collect_view();
    view! { <Panel class="mt-3"><Table caption="Pending invites" columns>{rows}</Table></Panel> }.into_any()
}

fn row(invitation: Invitation, own: Role, now: Timestamp) -> AnyView {
    let Invitation { id, email, role, inviter, sent_at, expires_at, .. } = invitation;
    let is_over = expires_at <= now;
    let soon = is_over || expires_at.since(now) < std::time::Duration::from_secs(48 * 60 * 60);
    let may = own >= Role::Admin && role <= own;
    let base = format!("{HOME}/invitations/{id}");
    let expires = if is_over { "Expired".into_any() } else { view! { <Time at=expires_at now/> }.into_any() };
    let actions = may.then(|| {
        view! {
            <div class="flex gap-2 sm:justify-end max-sm:pt-2">
                <PageForm action=format!("{base}/resend")>
                    <Button size=Size::Small>"New link"</Button>
                </PageForm>
                <PageForm action=format!("{base}/withdraw")>
                    <Button look=Look::Ghost size=Size::Small>"Cancel invite"</Button>
                </PageForm>
            </div>
        }
    });
    view! {
        <Row>
            <Cell class="font-semi align-middle full [overflow-wrap:anywhere]">{email}</Cell>
            <Cell class="align-middle" label="Role"><RolePins role/></Cell>
            <Cell class="align-middle text-ink-2 [overflow-wrap:anywhere]" label="Invited by">{inviter}</Cell>
            <Cell class="align-middle text-ink-2" label="Sent"><Time at=sent_at now/></Cell>
            <Cell class=format!("align-middle {}", if soon { "tone-warn" } else { "text-ink-2" }) label="Expires">{expires}</Cell>
            <Cell class="align-middle full">{actions}</Cell>
        </Row>
    }
    .into_any()
}
