//! `/invite/{token}`: joins an organization with an existing or a new account.

use axum::Extension;
use axum::extract::{Form, Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use leptos::prelude::*;
use serde::Deserialize;
use tower_sessions::Session;

use crate::accounts::server::{
    ProviderButton, ProviderButtons, ProviderIdentity, choose_org, complete_sign_in, find_id,
    hash_new_password, proven_identity, provider_buttons,
};
use crate::accounts::{check_name, email_key};
use crate::orgs::server::Visitor;
use crate::orgs::server::service::{self, Invitation};
use crate::platform::config::SignUp;
use crate::platform::http::Visit;
use crate::platform::{App, Error, Secret};
use crate::shared::ReturnPath;
use crate::ui::form::{Form as PageForm, FormErrors, SubmitButton};
use crate::ui::parts::{Input, LinkButton, Look, Size};
use crate::ui::server::message::leave_message;
use crate::ui::server::page::Page;
use crate::ui::shell::{Solo, SoloWidth};

#[derive(Deserialize)]
pub struct AcceptInviteForm {
    #[serde(default)]
    name: String,
    password: Option<Secret>,
}

/// What the visitor can do with the invitation.
enum InviteStep {
    /// The invited person is signed in.
    Join,
    /// Another person is signed in.
    WrongAccount { signed_in_as: String },
    /// The invited address has an account; sign in first.
    SignIn,
    /// The invited address has no account and can create one, with a password or an identity provider.
    SignUp { name: String, proven: Option<ProviderIdentity> },
    /// The invited address has no account, and sign-up is closed.
    Closed,
}

pub async fn show(
    State(app): State<App>,
    Extension(visit): Extension<Visit>,
    visitor: Option<Visitor>,
    session: Session,
    Path(token): Path<Secret>,
) -> Result<Response, Error> {
    let Some(invitation) = service::by_link(&app, &token).await? else {
        return Ok(invalid_link_page(&app, &visit).await);
    };
    let step = step(&app, visitor.as_ref(), &session, &invitation).await?;
    Ok(page(&app, &visit, token, invitation, step, FormErrors::default(), StatusCode::OK).await)
}

pub async fn submit(
    State(app): State<App>,
    Extension(visit): Extension<Visit>,
    session: Session,
    visitor: Option<Visitor>,
    headers: HeaderMap,
    Path(token): Path<Secret>,
    Form(form): Form<AcceptInviteForm>,
) -> Result<Response, Error> {
    let Some(invitation) = service::by_link(&app, &token).await? else {
        service::link_refused(&app, &visit).await?;
        return Ok(invalid_link_page(&app, &visit).await);
    };
    match (step(&app, visitor.as_ref(), &session, &invitation).await?, visitor) {
        (InviteStep::Join, Some(visitor)) => {
            match service::accept(&app, &visit, &token, &visitor.person).await? {
                Some(joined) => {
                    choose_org(&session, joined.org).await?;
                    leave_message(&session, &format!("You joined {}.", joined.org_name)).await?;
                    Ok(Redirect::to("/").into_response())
                }
                None => Ok(invalid_link_page(&app, &visit).await),
            }
        }
        (InviteStep::SignUp { proven, .. }, _) => {
            let (name, password) = (form.name, form.password.unwrap_or_else(|| Secret::new("")));
            let mut errors = FormErrors::default();
            let checked = errors.take("name", check_name(&name, "your name"));
            let hash = match &proven {
                Some(_) => None,
                None => {
                    let hashed = hash_new_password(&app, password, &invitation.email, &checked).await?;
                    Some(errors.take("password", hashed))
                }
            };
            if !errors.is_empty() {
                let step = InviteStep::SignUp { name, proven };
                let status = StatusCode::UNPROCESSABLE_ENTITY;
                return Ok(page(&app, &visit, token, invitation, step, errors, status).await);
            }
            match service::accept_with_new_account(&app, &visit, &token, checked, hash, proven.as_ref())
                .await?
            {
                Some((person, _)) => {
                    complete_sign_in(&app, &session, &visit, &headers, &person, &ReturnPath::home()).await
                }
                None => Ok(invalid_link_page(&app, &visit).await),
            }
        }
        // The page explains why the invitation cannot be accepted.
        (step, _) => {
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            Ok(page(&app, &visit, token, invitation, step, FormErrors::default(), status).await)
        }
    }
}

async fn step(
    app: &App,
    visitor: Option<&Visitor>,
    session: &Session,
    invitation: &Invitation,
) -> Result<InviteStep, Error> {
    Ok(match visitor {
        Some(visitor) if email_key(&visitor.person.email) == email_key(&invitation.email) => InviteStep::Join,
        Some(visitor) => InviteStep::WrongAccount { signed_in_as: visitor.person.email.clone() },
        None if find_id(app, &invitation.email).await?.is_some() => InviteStep::SignIn,
        None if app.config.accounts.sign_up == SignUp::Closed => InviteStep::Closed,
        None => {
            let proven = proven_identity(app, session).await?;
            let name = proven.as_ref().and_then(|identity| check_name(&identity.name, "your name").ok());
            InviteStep::SignUp { name: name.unwrap_or_default(), proven }
        }
    })
}

async fn page(
    app: &App,
    visit: &Visit,
    token: Secret,
    invitation: Invitation,
    step: InviteStep,
    errors: FormErrors,
    status: StatusCode,
) -> Response {
    let host = app.public_url.authority().to_owned();
    let title = format!("Join {}", invitation.org_name);
    let buttons = provider_buttons(app, &ReturnPath::or_home(&format!("/invite/{}", token.expose())));
    let provider = match &step {
        InviteStep::SignUp { proven: Some(identity), .. } => identity.provider.name(app),
        _ => String::new(),
    };
    Page::new(app, visit, &title)
        .status(status)
        .render(move || {
            let Invitation { email, role, inviter, .. } = invitation;
            let text = format!("{inviter} invited {email} as {}.", role.with_article());
            let here = format!("/invite/{}", token.expose());
            view! {
                <Solo width=SoloWidth::Slim rack=true host>
                    <h1 class="h-page text-center [overflow-wrap:anywhere]" dir="auto">{title}</h1>
                    <p class="mt-1 mb-6 text-center text-ink-2 text-balance [overflow-wrap:anywhere]">{text}</p>
                    {view_step(step, here, email, errors, buttons, provider)}
                </Solo>
            }
        })
        .await
}

fn view_step(
    step: InviteStep,
    here: String,
    email: String,
    errors: FormErrors,
    buttons: Vec<ProviderButton>,
    provider: String,
) -> AnyView {
    match step {
        InviteStep::Join => view! {
            <PageForm action=here>
                <SubmitButton text="Join" saving="Joining…" size=Size::Large class="w-full"/>
            </PageForm>
        }
        .into_any(),
        InviteStep::WrongAccount { signed_in_as } => view! {
            <p class="text-center text-balance [overflow-wrap:anywhere]">
                {format!("You are signed in as {signed_in_as}. Sign out and open the link again.")}
            </p>
            <PageForm action="/sign-out" class="mt-6 text-center">
                <SubmitButton text="Sign out" saving="Signing out…" look=Look::Secondary size=Size::Large/>
            </PageForm>
        }
        .into_any(),
        InviteStep::SignIn => {
            let next: String = url::form_urlencoded::byte_serialize(here.as_bytes()).collect();
            view! {
                <p class="text-center text-balance">"This address has an account already."</p>
                <p class="mt-6 text-center">
                    <LinkButton href=format!("/sign-in?next={next}") look=Look::Primary size=Size::Large>
                        "Sign in to join"
                    </LinkButton>
                </p>
            }
            .into_any()
        }
        InviteStep::SignUp { name, proven: Some(identity) } => view! {
            <PageForm action=here errors failed="You have not joined yet." class="grid gap-4">
                <Input
                    name="name" label="Your name" value=name autocomplete="name" large=true focus=true max_length=80
                />
                <div>
                    <p class="label">"Signing in"</p>
                    <p class="mt-1 [overflow-wrap:anywhere]">
                        {format!("With {provider}, as {}. You need no password.", identity.label)}
                    </p>
                </div>
                <SubmitButton text="Create account and join" saving="Joining…" size=Size::Large class="mt-2 w-full"/>
            </PageForm>
        }
        .into_any(),
        InviteStep::SignUp { name, proven: None } => view! {
            <PageForm action=here errors failed="You have not joined yet." class="grid gap-4">
                <input type="hidden" name="username" value=email autocomplete="username"/>
                <Input
                    name="name" label="Your name" value=name autocomplete="name" large=true focus=true max_length=80
                />
                <Input
                    name="password" label="Password" kind="password" autocomplete="new-password" large=true
                    hint="At least 12 characters. Several unrelated words are good."
                />
                <SubmitButton text="Create account and join" saving="Joining…" size=Size::Large class="mt-2 w-full"/>
            </PageForm>
            <ProviderButtons buttons/>
        }
        .into_any(),
        InviteStep::Closed => view! {
            <p class="text-center text-balance">
                "No new accounts can be created on this server, and this address has none. Ask whoever runs it."
            </p>
        }
        .into_any(),
    }
}

async fn invalid_link_page(app: &App, visit: &Visit) -> Response {
    let host = app.public_url.authority().to_owned();
    Page::new(app, visit, "Invite has ended")
        .status(StatusCode::GONE)
        .render(move || {
            view! {
                <Solo rack=true host>
                    <h1 class="h-page text-center">"This invite has ended"</h1>
                    <p class="mt-1 mb-6 text-center text-ink-2 text-balance">
                        "It was used or canceled, is older than a week, or was replaced by a newer one. Ask whoever \
                        sent it for a new one."
                    </p>
                    <p class="text-center">
                        <LinkButton href="/" size=Size::Large>"Go to the start page"</LinkButton>
                    </p>
                </Solo>
            }
        })
        .await
}
