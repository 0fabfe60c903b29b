//! `/sign-up/{token}`: creates an account with a confirmed address, and its organization. A person who came from an identity
//! provider needs no password.

use axum::Extension;
use axum::extract::{Form, Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use leptos::prelude::*;
use serde::Deserialize;
use tower_sessions::Session;

use crate::accounts::check_name;
use crate::accounts::server::{
    NewPerson, ProviderIdentity, complete_sign_in, confirmed_address, hash_new_password, proven_identity,
    sign_up_refused,
};
use crate::orgs::server::sign_up;
use crate::platform::http::Visit;
use crate::platform::{App, Error, Secret};
use crate::shared::ReturnPath;
use crate::ui::form::{ErrorSummary, FormErrors};
use crate::ui::parts::{HiddenFields, Input, LinkButton, Size};
use crate::ui::server::form_page::FormPage;
use crate::ui::server::page::Page;
use crate::ui::shell::Solo;

#[derive(Deserialize)]
pub struct SignUpForm {
    #[serde(default)]
    name: String,
    password: Secret,
    #[serde(default)]
    organization: String,
}

/// The submitted values without the password.
#[derive(Clone, Default)]
struct SignUpInput {
    name: String,
    organization: String,
}

pub async fn show(
    State(app): State<App>,
    Extension(visit): Extension<Visit>,
    Path(token): Path<Secret>,
    session: Session,
) -> Result<Response, Error> {
    let Some(email) = confirmed_address(&app, &token).await? else {
        return Ok(invalid_link_page(&app, &visit).await);
    };
    let proven = proven_identity(&app, &session).await?;
    let name = proven.as_ref().and_then(|identity| check_name(&identity.name, "your name").ok());
    let typed = SignUpInput { name: name.unwrap_or_default(), ..SignUpInput::default() };
    Ok(page(&app, &visit, token, email, proven, typed, FormErrors::default()).await)
}

pub async fn submit(
    State(app): State<App>,
    Extension(visit): Extension<Visit>,
    Path(token): Path<Secret>,
    session: Session,
    headers: HeaderMap,
    Form(form): Form<SignUpForm>,
) -> Result<Response, Error> {
    let Some(email) = confirmed_address(&app, &token).await? else {
        sign_up_refused(&app, &visit).await?;
        return Ok(invalid_link_page(&app, &visit).await);
    };
    let proven = proven_identity(&app, &session).await?;
    let typed = SignUpInput { name: form.name, organization: form.organization };
    let mut errors = FormErrors::default();
    let name = errors.take("name", check_name(&typed.name, "your name"));
    let hash = match &proven {
        Some(_) => None,
        None => Some(errors.take("password", hash_new_password(&app, form.password, &email, &name).await?)),
    };
    let organization =
        errors.take("organization", check_name(&typed.organization, "the organization's name"));
    if !errors.is_empty() {
        return Ok(page(&app, &visit, token, email, proven, typed, errors).await);
    }
    let new = NewPerson { email, name, password_hash: hash };
    match sign_up(&app, &visit, &token, &new, proven.as_ref(), &organization).await? {
        Some(person) => {
            complete_sign_in(&app, &session, &visit, &headers, &person, &ReturnPath::home()).await
        }
        None => Ok(invalid_link_page(&app, &visit).await),
    }
}

async fn page(
    app: &App,
    visit: &Visit,
    token: Secret,
    email: String,
    proven: Option<ProviderIdentity>,
    typed: SignUpInput,
    errors: FormErrors,
) -> Response {
    let proof = proven.map(|identity| (identity.provider.name(app), identity.label));
    FormPage::panel(app, visit, "Sign up", format!("/sign-up/{}", token.expose()))
        .heading("Create your account")
        .text(format!("for {email}"))
        .submit("Create account")
        .render(errors, move || {
            view! {
                <fieldset class="grid gap-4 p-5">
                    <legend class="float-left -mb-1 h-sect w-full">"You"</legend>
                    <ErrorSummary failed="No account was created." class="clear-both"/>
                    <Input
                        name="name" label="Your name" value=typed.name autocomplete="name" focus=true
                        max_length=80 class="clear-both"
                    />
                    <input type="hidden" name="username" value=email autocomplete="username"/>
                    {sign_in_method(proof)}
                </fieldset>
                <fieldset class="grid gap-4 border-t border-line p-5">
                    <legend class="float-left -mb-1 h-sect w-full">"Your organization"</legend>
                    <Input
                        name="organization" label="Organization" value=typed.organization
                        autocomplete="organization" max_length=80 class="clear-both"
                        hint="Your team or company. You can rename it later."
                    />
                </fieldset>
            }
        })
        .await
}

/// The proven identity, or the password field.
fn sign_in_method(proof: Option<(String, String)>) -> AnyView {
    match proof {
        Some((provider, label)) => view! {
            <HiddenFields fields=vec![("password", String::new())]/>
            <div>
                <p class="label">"Signing in"</p>
                <p class="mt-1 [overflow-wrap:anywhere]">
                    {format!("With {provider}, as {label}. You need no password; you can set one on your profile.")}
                </p>
            </div>
        }
        .into_any(),
        None => view! {
            <Input
                name="password" label="Password" kind="password" autocomplete="new-password"
                hint="At least 12 characters. Several unrelated words are good."
            />
        }
        .into_any(),
    }
}

async fn invalid_link_page(app: &App, visit: &Visit) -> Response {
    let host = app.public_url.authority().to_owned();
    Page::new(app, visit, "Link has ended")
        .status(StatusCode::GONE)
        .render(move || {
            view! {
                <Solo rack=true host>
                    <h1 class="h-page text-center">"This link has ended"</h1>
                    <p class="mt-1 mb-6 text-center text-ink-2 text-balance">
                        "It was used, is older than a day, or was replaced by a newer one."
                    </p>
                    <p class="flex flex-wrap justify-center gap-2">
                        <LinkButton href="/sign-in" size=Size::Large>"Sign in"</LinkButton>
                        <LinkButton href="/sign-up" size=Size::Large>"Sign up"</LinkButton>
                    </p>
                </Solo>
            }
        })
        .await
}
