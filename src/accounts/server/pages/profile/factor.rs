//! Setting the second factor up, its recovery codes, turning it off. Each asks for the password: an unlocked screen must
//! not be enough.

use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use leptos::prelude::*;
use qrcodegen::{QrCode, QrCodeEcc};
use serde::Deserialize;
use tower_sessions::Session;

use super::{HOME, done};
use crate::accounts::server::service::{self, Recovery};
use crate::accounts::server::totp;
use crate::orgs::server::Actor;
use crate::platform::{App, Error, Secret};
use crate::ui::form::{Form as PageForm, FormErrors, SubmitButton};
use crate::ui::parts::{HiddenFields, Input, LinkButton, Look, Note, Tone};
use crate::ui::server::chrome::{chrome, page_for};
use crate::ui::shell::{Breadcrumb, PageHead, Shell};

const SET_UP: &str = "/settings/profile/second-factor";
const OFF: &str = "/settings/profile/second-factor/off";
const CODES: &str = "/settings/profile/recovery-codes";

#[derive(Deserialize)]
pub struct Given {
    secret: Secret,
    #[serde(default)]
    code: String,
    password: Secret,
}

#[derive(Deserialize)]
pub struct Confirmed {
    password: Secret,
}

pub async fn show(State(app): State<App>, actor: Actor) -> Response {
    if actor.visitor.person.has_factor {
        return Redirect::to(HOME).into_response();
    }
    let secret = Secret::new(service::begin_factor(&app));
    page(&app, &actor, secret, FormErrors::default(), StatusCode::OK).await
}

pub async fn submit(
    State(app): State<App>,
    actor: Actor,
    Form(given): Form<Given>,
) -> Result<Response, Error> {
    let visitor = &actor.visitor;
    if visitor.person.has_factor {
        return Ok(Redirect::to(HOME).into_response());
    }
    // The secret was ours and comes back with the form; anything else is not taken for one.
    if !totp::is_secret(given.secret.expose()) {
        return Ok(Redirect::to(SET_UP).into_response());
    }
    let mut errors = FormErrors::default();
    if !service::confirm_password(&app, &visitor.visit, &visitor.person, given.password).await? {
        errors.add("password", "This is not your password.");
    } else {
        let secret = given.secret.expose();
        match service::confirm_factor(&app, &visitor.by(), &visitor.person, secret, &given.code).await? {
            Some(recovery) => return Ok(codes(&app, &actor, recovery, "Second factor is on").await),
            None => errors.add("code", "This code is wrong. Enter the one that the app shows now."),
        }
    }
    Ok(page(&app, &actor, given.secret, errors, StatusCode::UNPROCESSABLE_ENTITY).await)
}

pub async fn show_off(State(app): State<App>, actor: Actor) -> Response {
    confirm(&app, &actor, &TURN_OFF, FormErrors::default(), StatusCode::OK).await
}

pub async fn turn_off(
    State(app): State<App>,
    actor: Actor,
    session: Session,
    Form(given): Form<Confirmed>,
) -> Result<Response, Error> {
    let visitor = &actor.visitor;
    if !service::confirm_password(&app, &visitor.visit, &visitor.person, given.password).await? {
        let errors = FormErrors::default().with("password", "This is not your password.");
        return Ok(confirm(&app, &actor, &TURN_OFF, errors, StatusCode::UNPROCESSABLE_ENTITY).await);
    }
    service::remove_factor(&app, &visitor.by(), &visitor.person).await?;
    Ok(done(&session, "Second factor is off.").await?.into_response())
}

pub async fn show_codes(State(app): State<App>, actor: Actor) -> Response {
    confirm(&app, &actor, &REPLACE_CODES, FormErrors::default(), StatusCode::OK).await
}

pub async fn new_codes(
    State(app): State<App>,
    actor: Actor,
    Form(given): Form<Confirmed>,
) -> Result<Response, Error> {
    let visitor = &actor.visitor;
    if !service::confirm_password(&app, &visitor.visit, &visitor.person, given.password).await? {
        let errors = FormErrors::default().with("password", "This is not your password.");
        return Ok(confirm(&app, &actor, &REPLACE_CODES, errors, StatusCode::UNPROCESSABLE_ENTITY).await);
    }
    match service::new_recovery_codes(&app, &visitor.by(), &visitor.person).await? {
        Some(recovery) => Ok(codes(&app, &actor, recovery, "New recovery codes").await),
        None => Ok(Redirect::to(HOME).into_response()),
    }
}

async fn page(app: &App, actor: &Actor, secret: Secret, errors: FormErrors, status: StatusCode) -> Response {
    let chrome = chrome(app, actor, None, SET_UP);
    let email = actor.visitor.person.email.clone();
    let square = square(&totp::address(secret.expose(), &email, app.public_url.authority()));
    page_for(app, actor, "Second factor")
        .status(status)
        .render(move || {
            let typed = in_groups(secret.expose());
            view! {
                <Shell chrome>
                    <Breadcrumb up=vec![(HOME.to_owned(), "Profile".to_owned())] here="Second factor"/>
                    <PageHead
                        title="Set up a second factor"
                        text="After your password you are asked for a code that an authenticator app on your phone shows."
                    />
                    <PageForm
                        action=SET_UP errors failed="The second factor is not on yet."
                        class="mt-6 grid max-w-[26rem] gap-5"
                    >
                        <HiddenFields fields=vec![("secret", secret.expose().to_owned())]/>
                        <div>
                            <p class="label">"Scan this with the app"</p>
                            <div class="mt-2">{square}</div>
                            <p class="hint mt-2">"Or type this into it:"</p>
                            <p class="mono mt-1 select-all [overflow-wrap:anywhere]">{typed}</p>
                        </div>
                        <Input
                            name="code" label="Code that the app shows now" autocomplete="one-time-code"
                            inputmode="numeric" verbatim=true control="mono max-w-40" max_length=10
                        />
                        <Input name="password" label="Your password" kind="password" autocomplete="current-password"/>
                        <div class="flex gap-2">
                            <SubmitButton text="Turn on"/>
                            <LinkButton href=HOME look=Look::Ghost>"Cancel"</LinkButton>
                        </div>
                    </PageForm>
                </Shell>
            }
        })
        .await
}

async fn codes(app: &App, actor: &Actor, recovery: Recovery, title: &'static str) -> Response {
    let chrome = chrome(app, actor, None, HOME);
    page_for(app, actor, title)
        .render(move || {
            let list = recovery.0.iter().map(|code| view! { <li class="mono">{code.expose().to_owned()}</li> }).collect_view();
            view! {
                <Shell chrome>
                    <Breadcrumb up=vec![(HOME.to_owned(), "Profile".to_owned())] here="Recovery codes"/>
                    <PageHead title=title/>
                    <Note tone=Tone::Warn class="mt-6 max-w-[40rem]">
                        <p>"Keep these recovery codes where your phone is not. Each opens your account once, after the \
                        password. They are shown only now."</p>
                    </Note>
                    <ul class="mt-6 grid max-w-[32rem] gap-x-6 gap-y-2 select-all sm:grid-cols-2" id="recovery-codes">{list}</ul>
                    <p class="mt-8"><LinkButton href=HOME>"I have kept them"</LinkButton></p>
                </Shell>
            }
        })
        .await
}

/// A page that asks for the password before something is done.
struct Ask {
    here: &'static str,
    title: &'static str,
    text: &'static str,
    button: &'static str,
    look: Look,
    failed: &'static str,
}

const TURN_OFF: Ask = Ask {
    here: OFF,
    title: "Turn the second factor off",
    text: "From then on your password alone opens your account. The recovery codes end too.",
    button: "Turn off",
    look: Look::Danger,
    failed: "The second factor is still on.",
};

const REPLACE_CODES: Ask = Ask {
    here: CODES,
    title: "New recovery codes",
    text: "The ten new codes replace all earlier ones.",
    button: "Make new codes",
    look: Look::Primary,
    failed: "The codes were not replaced.",
};

async fn confirm(
    app: &App,
    actor: &Actor,
    ask: &'static Ask,
    errors: FormErrors,
    status: StatusCode,
) -> Response {
    if !actor.visitor.person.has_factor {
        return Redirect::to(HOME).into_response();
    }
    let chrome = chrome(app, actor, None, ask.here);
    page_for(app, actor, ask.title)
        .status(status)
        .render(move || {
            view! {
                <Shell chrome>
                    <Breadcrumb up=vec![(HOME.to_owned(), "Profile".to_owned())] here=ask.title/>
                    <PageHead title=ask.title text=ask.text/>
                    <PageForm action=ask.here errors failed=ask.failed class="mt-6 grid max-w-[26rem] gap-4">
                        <Input
                            name="password" label="Your password" kind="password" autocomplete="current-password"
                            focus=true
                        />
                        <div class="mt-2 flex gap-2">
                            <SubmitButton text=ask.button look=ask.look/>
                            <LinkButton href=HOME look=Look::Ghost>"Cancel"</LinkButton>
                        </div>
                    </PageForm>
                </Shell>
            }
        })
        .await
}

/// ABCD EFGH …: easier to type.
fn in_groups(secret: &str) -> String {
    let letters: Vec<char> = secret.chars().collect();
    letters.chunks(4).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join(" ")
}

/// Black on white in both themes, with the quiet border that cameras need.
fn square(text: &str) -> Option<AnyView> {
    let code = QrCode::encode_text(text, QrCodeEcc::Medium).ok()?;
    let mut path = String::new();
    for y in 0..code.size() {
        for x in (0..code.size()).filter(|x| code.get_module(*x, y)) {
            path.push_str(&format!("M{} {}h1v1h-1z", x + 4, y + 4));
        }
    }
    let edge = code.size() + 8;
    Some(
        view! {
            <svg
                class="size-48 rounded-control border border-line" role="img"
                aria-label="Square code for the authenticator app" viewBox=format!("0 0 {edge} {edge}")
                shape-rendering="crispEdges"
            >
                <rect width=edge height=edge fill="#fff"></rect>
                <path d=path fill="#000"></path>
            </svg>
        }
        .into_any(),
    )
}
