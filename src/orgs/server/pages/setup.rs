//! `/setup`: creates the first account and its organization, by the link that the server printed. Not found once there is an
//! account.

use axum::Extension;
use axum::extract::{Form, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use leptos::prelude::*;
use serde::Deserialize;
use tower_sessions::Session;

use crate::accounts::server::{
    NewPerson, complete_sign_in, hash_new_password, needs_setup, setup_is_open, setup_link_printed_at,
    setup_refused,
};
use crate::accounts::{check_email, check_name};
use crate::orgs::server::set_up;
use crate::platform::http::Visit;
use crate::platform::{App, Error, Secret};
use crate::shared::ReturnPath;
use crate::ui::form::{ErrorSummary, FormErrors};
use crate::ui::parts::{ExactTime, HiddenFields, Input};
use crate::ui::server::form_page::FormPage;
use crate::ui::server::page::Page;
use crate::ui::shell::Solo;

#[derive(Deserialize)]
pub struct SetupQuery {
    link: Option<Secret>,
}

#[derive(Deserialize)]
pub struct SetupForm {
    link: Secret,
    #[serde(default)]
    name: String,
    #[serde(default)]
    email: String,
    password: Secret,
    #[serde(default)]
    organization: String,
}

/// The submitted values without the password.
#[derive(Clone, Default)]
struct SetupInput {
    name: String,
    email: String,
    organization: String,
}

pub async fn show(
    State(app): State<App>,
    Extension(visit): Extension<Visit>,
    Query(query): Query<SetupQuery>,
) -> Result<Response, Error> {
    let Some(link) = query.link else { return Err(Error::NotFound) };
    if !setup_is_open(&app, &link).await? {
        return invalid_link_page(&app, &visit).await;
    }
    Ok(page(&app, &visit, link, SetupInput::default(), FormErrors::default()).await)
}

pub async fn submit(
    State(app): State<App>,
    Extension(visit): Extension<Visit>,
    session: Session,
    headers: HeaderMap,
    Form(form): Form<SetupForm>,
) -> Result<Response, Error> {
    if !setup_is_open(&app, &form.link).await? {
        setup_refused(&app, &visit).await?;
        return invalid_link_page(&app, &visit).await;
    }
    let typed = SetupInput { name: form.name, email: form.email, organization: form.organization };
    let mut errors = FormErrors::default();
    let name = errors.take("name", check_name(&typed.name, "your name"));
    let email = errors.take("email", check_email(&typed.email));
    let hash = errors.take("password", hash_new_password(&app, form.password, &email, &name).await?);
    let organization =
        errors.take("organization", check_name(&typed.organization, "the organization's name"));
    if !errors.is_empty() {
        return Ok(page(&app, &visit, form.link, typed, errors).await);
    }
    let new = NewPerson { email, name, password_hash: Some(hash) };
    let person = set_up(&app, &visit, &form.link, &new, &organization).await?.ok_or(Error::NotFound)?;
    complete_sign_in(&app, &session, &visit, &headers, &person, &ReturnPath::home()).await
}

/// Explains that the link is invalid and how to get a new one. Not found once there is an account.
async fn invalid_link_page(app: &App, visit: &Visit) -> Result<Response, Error> {
    if !needs_setup(app).await? {
        return Err(Error::NotFound);
    }
    let why = match setup_link_printed_at(app).await? {
        Some(at) => view! {
            "The newest setup link was printed at "<ExactTime at/>", and it replaced every earlier one. Look for it in the \
            server's output, or run this command on the server to print a new one:"
        }
        .into_any(),
        None => view! {
            "A setup link works once, within 24 hours. Run this command on the server to print a new one:"
        }
        .into_any(),
    };
    let host = app.public_url.authority().to_owned();
    let page = Page::new(app, visit, "Link has ended").status(StatusCode::NOT_FOUND).render(move || {
        view! {
            <Solo rack=true host>
                <h1 class="h-page text-center">"This setup link does not work"</h1>
                <p class="mt-1 text-center text-ink-2 text-balance">{why}</p>
                <p class="mt-4 text-center"><code class="mono select-all">"latchkey admin setup-link"</code></p>
            </Solo>
        }
    });
    Ok(page.await)
}

async fn page(app: &App, visit: &Visit, link: Secret, typed: SetupInput, errors: FormErrors) -> Response {
    FormPage::panel(app, visit, "Set up", "/setup")
        .heading("Set up Latchkey")
        .text(
            "Create the first account and its organization. You become the owner and can invite others later.",
        )
        .submit("Create account and organization")
        .saving("Setting up…")
        .render(errors, move || {
            view! {
                <HiddenFields fields=vec![("link", link.expose().to_owned())]/>
                <fieldset class="grid gap-4 p-5">
                    <legend class="float-left -mb-1 h-sect w-full">"Your account"</legend>
                    <ErrorSummary failed="Nothing was set up." class="clear-both"/>
                    <Input
                        name="name" label="Your name" value=typed.name autocomplete="name" focus=true
                        max_length=80 class="clear-both"
                    />
                    <Input
                        name="email" label="Email" kind="email" value=typed.email autocomplete="username"
                        verbatim=true max_length=254
                    />
                    <Input
                        name="password" label="Password" kind="password" autocomplete="new-password"
                        hint="At least 12 characters. Several unrelated words are good."
                    />
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
