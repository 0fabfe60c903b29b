//! Turns the second factor on or off, and replaces its recovery codes. Each requires a confirmation, so that a stranger at
//! an unlocked screen cannot do it.

use axum::extract::{Form, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Redirect, Response};
use leptos::prelude::*;
use qrcodegen::{QrCode, QrCodeEcc};
use serde::Deserialize;
use tower_sessions::Session;

use super::confirm::{Confirm, ConfirmField};
use super::{HOME, recovery_codes, redirect_home};
use crate::accounts::server::browser;
use crate::accounts::server::{self as accounts, SubmittedCode};
use crate::orgs::server::Member;
use crate::orgs::server::page_frame::form_page;
use crate::platform::{App, Error, Secret};
use crate::ui::form::FormErrors;
use crate::ui::parts::{HiddenFields, Input, LinkButton, Look, Size, Symbol};

const SET_UP: &str = "/settings/profile/second-factor";
const OFF: &str = "/settings/profile/second-factor/off";
const CODES: &str = "/settings/profile/recovery-codes";

#[derive(Deserialize)]
pub struct EnableFactorForm {
    secret: Secret,
    #[serde(default)]
    code: String,
    password: Secret,
}

#[derive(Deserialize)]
pub struct ConfirmFactorForm {
    password: Secret,
    #[serde(default)]
    code: String,
}

pub async fn show(State(app): State<App>, member: Member) -> Response {
    if member.visitor.person.has_factor {
        return Redirect::to(HOME).into_response();
    }
    let secret = Secret::new(accounts::begin_factor(&app));
    page(&app, &member, secret, FormErrors::default()).await
}

pub async fn submit(
    State(app): State<App>,
    member: Member,
    session: Session,
    Form(form): Form<EnableFactorForm>,
) -> Result<Response, Error> {
    let visitor = &member.visitor;
    if visitor.person.has_factor {
        return Ok(Redirect::to(HOME).into_response());
    }
    // The form returns the secret that this server generated. Reject anything of another format.
    if !accounts::is_totp_secret(form.secret.expose()) {
        return Ok(Redirect::to(SET_UP).into_response());
    }
    let errors = match Confirm::of(&app, &member).check(&app, form.password).await? {
        Err(errors) => errors,
        Ok(()) => {
            let secret = form.secret.expose();
            let (by, session_hash) = (visitor.by(), &visitor.session);
            match accounts::confirm_factor(&app, &by, &visitor.person, session_hash, secret, &form.code)
                .await?
            {
                Some(recovery) => {
                    // An error must not replace this response, the only one with the codes.
                    if let Err(error) = accounts::keep_session(&app, &session).await {
                        tracing::warn!(%error, "could not keep the session after a change; it ends");
                    }
                    return Ok(recovery_codes::page(&app, &member, recovery, "Second factor is on").await);
                }
                None => {
                    let error = "This code is wrong. Enter the one that the app shows now.";
                    FormErrors::default().with("code", error)
                }
            }
        }
    };
    Ok(page(&app, &member, form.secret, errors).await)
}

pub async fn show_off(State(app): State<App>, member: Member) -> Response {
    confirm(&app, &member, &TURN_OFF, FormErrors::default()).await
}

pub async fn turn_off(
    State(app): State<App>,
    member: Member,
    session: Session,
    headers: HeaderMap,
    Form(form): Form<ConfirmFactorForm>,
) -> Result<Response, Error> {
    let visitor = &member.visitor;
    if let Err(errors) = Confirm::of(&app, &member).check(&app, form.password).await? {
        return Ok(confirm(&app, &member, &TURN_OFF, errors).await);
    }
    let browser = browser(&app, &headers);
    let code = SubmittedCode { code: &form.code, visit: &visitor.visit, browser: browser.as_ref() };
    if !accounts::remove_factor(&app, &visitor.by(), &visitor.person, &code).await? {
        return Ok(confirm(&app, &member, &TURN_OFF, wrong_code()).await);
    }
    Ok(redirect_home(&session, "Second factor is off.").await?.into_response())
}

fn wrong_code() -> FormErrors {
    let error =
        "This code is wrong or was used already. Enter the one that the app shows now, or a recovery code.";
    FormErrors::default().with("code", error)
}

pub async fn show_codes(State(app): State<App>, member: Member) -> Response {
    confirm(&app, &member, &REPLACE_CODES, FormErrors::default()).await
}

pub async fn new_codes(
    State(app): State<App>,
    member: Member,
    headers: HeaderMap,
    Form(form): Form<ConfirmFactorForm>,
) -> Result<Response, Error> {
    let visitor = &member.visitor;
    if let Err(errors) = Confirm::of(&app, &member).check(&app, form.password).await? {
        return Ok(confirm(&app, &member, &REPLACE_CODES, errors).await);
    }
    let browser = browser(&app, &headers);
    let code = SubmittedCode { code: &form.code, visit: &visitor.visit, browser: browser.as_ref() };
    match accounts::new_recovery_codes(&app, &visitor.by(), &visitor.person, &code).await? {
        Some(recovery) => Ok(recovery_codes::page(&app, &member, recovery, "New recovery codes").await),
        None => Ok(confirm(&app, &member, &REPLACE_CODES, wrong_code()).await),
    }
}

async fn page(app: &App, member: &Member, secret: Secret, errors: FormErrors) -> Response {
    let email = member.visitor.person.email.clone();
    let confirm = Confirm::of(app, member);
    let address = accounts::totp_address(secret.expose(), &email, app.public_url.authority());
    let qr_code = qr_code(&address);
    form_page(app, member, None, "Second factor", SET_UP)
        .up(HOME, "Profile")
        .heading("Set up a second factor")
        .text(
            "To sign in, you then enter your password and a code from an authenticator app on your phone. Turning it on \
             signs out all your other sessions.",
        )
        .failed("The second factor is not on yet.")
        .submit("Turn on")
        .possible(confirm.is_possible())
        .render(errors, move || {
            view! {
                <HiddenFields fields=vec![("secret", secret.expose().to_owned())]/>
                <div>
                    <p class="label">"Scan this with the app"</p>
                    <div class="mt-2">{qr_code}</div>
                    <p class="mt-2">
                        <LinkButton href=address size=Size::Small icon=Symbol::Arrow>"Open in an authenticator app"</LinkButton>
                    </p>
                    <p class="hint mt-1">"If the app is on this device."</p>
                    <p class="hint mt-2">"Or type this into it:"</p>
                    <p class="mono mt-1 select-all [overflow-wrap:anywhere]">{in_groups(secret.expose())}</p>
                </div>
                <Input
                    name="code" label="Code that the app shows now" autocomplete="one-time-code"
                    inputmode="numeric" verbatim=true control="mono max-w-40" max_length=10
                />
                <ConfirmField confirm focus=false/>
            }
        })
        .await
}

/// The texts of a page that asks for the password and a code before a change.
struct ConfirmPage {
    path: &'static str,
    title: &'static str,
    text: &'static str,
    button: &'static str,
    look: Look,
    failed: &'static str,
}

const TURN_OFF: ConfirmPage = ConfirmPage {
    path: OFF,
    title: "Turn the second factor off",
    text: "You can then sign in with your password alone. The recovery codes no longer work.",
    button: "Turn off",
    look: Look::Danger,
    failed: "The second factor is still on.",
};

const REPLACE_CODES: ConfirmPage = ConfirmPage {
    path: CODES,
    title: "New recovery codes",
    text: "The ten new codes replace all earlier ones.",
    button: "Create new codes",
    look: Look::Primary,
    failed: "The codes were not replaced.",
};

async fn confirm(app: &App, member: &Member, texts: &'static ConfirmPage, errors: FormErrors) -> Response {
    if !member.visitor.person.has_factor {
        return Redirect::to(HOME).into_response();
    }
    let confirm = Confirm::of(app, member);
    let is_possible = confirm.is_possible();
    form_page(app, member, None, texts.title, texts.path)
        .up(HOME, "Profile")
        .text(texts.text)
        .failed(texts.failed)
        .submit(texts.button)
        .look(texts.look)
        .possible(is_possible)
        .render(errors, move || {
            view! {
                <ConfirmField confirm/>
                {is_possible.then(code_field)}
            }
        })
        .await
}

fn code_field() -> AnyView {
    view! {
        <Input
            name="code" label="Code" autocomplete="one-time-code" verbatim=true control="mono" max_length=40
            hint="From your authenticator app, or a recovery code."
        />
    }
    .into_any()
}

/// Splits the secret into groups of four letters, which are easier to type.
fn in_groups(secret: &str) -> String {
    let letters: Vec<char> = secret.chars().collect();
    letters.chunks(4).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join(" ")
}

/// Renders a QR code, black on white in both themes and with the quiet zone that scanners need.
fn qr_code(text: &str) -> Option<AnyView> {
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
                aria-label="QR code for the authenticator app" viewBox=format!("0 0 {edge} {edge}")
                shape-rendering="crispEdges"
            >
                <rect width=edge height=edge fill="#fff"></rect>
                <path d=path fill="#000"></path>
            </svg>
        }
        .into_any(),
    )
}
