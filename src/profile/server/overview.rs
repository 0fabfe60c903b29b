//! The profile page: name, sign-in methods, second factor, sessions, devices, theme.

use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use leptos::prelude::*;
use serde::Deserialize;
use tower_sessions::Session;

use super::{HOME, devices, letters, redirect_home, sign_in_methods};
use crate::accounts::device;
use crate::accounts::server::Devices;
use crate::accounts::server::SessionSummary;
use crate::accounts::server::{self as accounts, ProfileChange};
use crate::orgs::server::Member;
use crate::orgs::server::page_frame::{chrome, page_for, toast};
use crate::platform::{App, Error};
use crate::shared::Timestamp;
use crate::ui::form::{Form as PageForm, FormErrors, SubmitButton};
use crate::ui::parts::{Badge, Button, HiddenFields, Input, LinkButton, LivePart, Look, Size, Time, Tone};
use crate::ui::shell::{PageHead, Shell, ThemeSwitch};

#[derive(Deserialize)]
pub struct RenameForm {
    #[serde(default)]
    name: String,
}

#[derive(Deserialize)]
pub struct EndSessionForm {
    /// The session to end; empty to end all but the current one.
    #[serde(default)]
    session: String,
}

pub async fn show(State(app): State<App>, member: Member) -> Result<Response, Error> {
    let name = member.visitor.person.name.clone();
    page(&app, &member, name, FormErrors::default(), StatusCode::OK).await
}

pub async fn rename(
    State(app): State<App>,
    member: Member,
    session: Session,
    Form(form): Form<RenameForm>,
) -> Result<Response, Error> {
    let visitor = &member.visitor;
    match accounts::rename(&app, &visitor.by(), &visitor.person, &form.name).await? {
        ProfileChange::Invalid(why) => {
            let errors = FormErrors::default().with("name", why);
            page(&app, &member, form.name, errors, StatusCode::UNPROCESSABLE_ENTITY).await
        }
        ProfileChange::Done | ProfileChange::WrongPassword => {
            Ok(redirect_home(&session, "Name saved.").await?.into_response())
        }
    }
}

pub async fn end_session(
    State(app): State<App>,
    member: Member,
    session: Session,
    Form(form): Form<EndSessionForm>,
) -> Result<Response, Error> {
    let visitor = &member.visitor;
    if form.session == visitor.session {
        accounts::end_this_session(&app, &session, &visitor.visit, &visitor.person).await?;
        return Ok(axum::response::Redirect::to("/sign-in").into_response());
    }
    let message = if form.session.is_empty() {
        accounts::end_other_sessions(&app, &visitor.by(), &visitor.person, &visitor.session).await?;
        "All other sessions were signed out."
    } else {
        accounts::end_session(&app, &visitor.by(), &visitor.person, &form.session).await?;
        "The session was signed out."
    };
    Ok(redirect_home(&session, message).await?.into_response())
}

async fn page(
    app: &App,
    member: &Member,
    name: String,
    errors: FormErrors,
    status: StatusCode,
) -> Result<Response, Error> {
    let visitor = member.visitor.clone();
    // Register before reading the sessions, so that no new session is missed.
    let new_session = app.live.expect(accounts::new_session(visitor.person.id));
    let sessions = accounts::sessions_of(app, &visitor.person).await?;
    let sign_in_methods = sign_in_methods::of(app, &visitor.person).await?;
    let codes = accounts::unused_recovery_codes(app, &visitor.person).await?;
    let devices = app.slice::<Devices>().0.devices_of(app, visitor.person.id).await?;
    let unwanted = accounts::unwanted_letters(app, &visitor.person).await?;
    let has_mail = app.mail.is_on();
    let now = app.clock.now();
    let chrome = chrome(app, member, None, HOME);
    let theme = chrome.theme;
    let message = visitor.message.clone();
    let response = page_for(app, member, "Profile").status(status).render(move || {
        let person = visitor.person;
        let has_others = sessions.len() > 1;
        let sign_in_methods = sign_in_methods.into_iter().map(|method| sign_in_methods::row(method, now)).collect_view();
        let rows = sessions.into_iter().map(|listed| session_row(listed, &visitor.session, now)).collect_view();
        let body = view! {
            <PageHead title="Profile" text="Your account on this server, in every organization."/>
            <section class="mt-8 max-w-[40rem]" aria-labelledby="about">
                <h2 class="h-sect" id="about">"You"</h2>
                <PageForm action=HOME errors failed="The name was not saved." class="mt-4 grid gap-4">
                    <Input name="name" label="Name" value=name autocomplete="name" max_length=80 class="max-w-[26rem]"/>
                    <div>
                        <p class="label">"Email"</p>
                        <p class="mt-1 [overflow-wrap:anywhere]">{person.email}</p>
                    </div>
                    <div><SubmitButton text="Save name"/></div>
                </PageForm>
            </section>
            <section class="mt-10 max-w-[40rem]" aria-labelledby="ways">
                <h2 class="h-sect" id="ways">"Sign-in methods"</h2>
                <div class="mt-4 grid gap-4">
                    <div class="flex flex-wrap items-center justify-between gap-3 border-t border-line pt-4">
                        <div>
                            <p class="font-medium">"Password"</p>
                            <p class="text-ink-2">{if person.has_password { "Set" } else { "Not set" }}</p>
                        </div>
                        <div>
                            <LinkButton href="/settings/profile/password" look=Look::Secondary>
                                {if person.has_password { "Change password" } else { "Set password" }}
                            </LinkButton>
                        </div>
                    </div>
                    {sign_in_methods}
                    <div class="flex flex-wrap items-center justify-between gap-3 border-t border-line pt-4">
                        <div>
                            <p class="font-medium">"Second factor"</p>
                            <p class="text-ink-2">{factor_text(person.has_factor, codes)}</p>
                        </div>
                        <div class="flex flex-wrap gap-2">{factor_links(person.has_factor)}</div>
                    </div>
                </div>
            </section>
            <section class="mt-10 max-w-[40rem]" aria-labelledby="sessions">
                <div class="flex flex-wrap items-center justify-between gap-3">
                    <h2 class="h-sect" id="sessions">"Sessions"</h2>
                    {has_others.then(|| view! {
                        <PageForm action="/settings/profile/sessions">
                            <Button look=Look::Secondary size=Size::Small>"Sign out all others"</Button>
                        </PageForm>
                    })}
                </div>
                <ul class="mt-4 grid gap-4">{rows}</ul>
                <div class="mt-4 text-dense text-ink-2">
                    <LivePart
                        topic=new_session quiet=true waiting="Watching for new sessions."
                        done="A new session began. Load the page again to see it."
                    />
                </div>
            </section>
            {devices::section(devices, &visitor.memberships, now)}
            {letters::section(&unwanted, has_mail)}
            <section class="mt-10 max-w-[40rem]" aria-labelledby="looks">
                <h2 class="h-sect" id="looks">"Appearance"</h2>
                <div class="mt-4 max-w-[26rem] border-t border-line pt-4"><ThemeSwitch theme back=HOME/></div>
            </section>
        };
        view! { <Shell chrome toast=message.map(toast)>{body}</Shell> }
    });
    Ok(response.await)
}

fn factor_text(on: bool, codes: i64) -> String {
    if !on {
        return "Off. Turn it on so that a stolen password is not enough to sign in.".to_owned();
    }
    match codes {
        0 => "On. No recovery codes are left.".to_owned(),
        1 => "On. 1 recovery code is left.".to_owned(),
        n => format!("On. {n} recovery codes are left."),
    }
}

fn factor_links(on: bool) -> AnyView {
    if on {
        view! {
            <LinkButton href="/settings/profile/recovery-codes" look=Look::Secondary>"New recovery codes"</LinkButton>
            <LinkButton href="/settings/profile/second-factor/off" look=Look::DangerQuiet>"Turn off"</LinkButton>
        }
        .into_any()
    } else {
        view! { <LinkButton href="/settings/profile/second-factor" look=Look::Secondary>"Set up"</LinkButton> }.into_any()
    }
}

fn session_row(listed: SessionSummary, current: &str, now: Timestamp) -> impl IntoView + use<> {
    let is_current = listed.id_hash == current;
    let name = device(&listed.user_agent);
    view! {
        <li class="flex flex-wrap items-center justify-between gap-3 border-t border-line pt-4">
            <div class="min-w-0">
                <p class="flex flex-wrap items-center gap-2">
                    <span class="font-medium" dir="auto">{name}</span>
                    {is_current.then(|| view! { <Badge tone=Tone::Line text="This browser"/> })}
                </p>
                <p class="cap">
                    {format!("{} · Last seen: ", listed.address)}<Time at=listed.last_seen_at now=now/>
                    " · Signed in: "<Time at=listed.created_at now=now/>
                </p>
            </div>
            <PageForm action="/settings/profile/sessions">
                <HiddenFields fields=vec![("session", listed.id_hash)]/>
                <Button look=Look::Ghost size=Size::Small>"Sign out"</Button>
            </PageForm>
        </li>
    }
}
