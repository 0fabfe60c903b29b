//! `/sign-in/second-factor`: after the password, the code.

use axum::Extension;
use axum::extract::{Form, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use leptos::prelude::*;
use serde::Deserialize;
use tower_sessions::Session;

use super::{SignInQuery, browser, enter, onward, slowed};
use crate::accounts::server::service;
use crate::platform::http::Visit;
use crate::platform::{App, Error};
use crate::shared::ReturnPath;
use crate::ui::form::{Form as PageForm, FormErrors, SubmitButton};
use crate::ui::parts::{HiddenFields, Input, Size};
use crate::ui::server::page::Page;
use crate::ui::shell::{Solo, SoloWidth};

#[derive(Deserialize)]
pub struct SecondFactorForm {
    #[serde(default)]
    code: String,
    #[serde(default)]
    next: String,
}

pub async fn show(
    State(app): State<App>,
    Extension(visit): Extension<Visit>,
    session: Session,
    Query(going): Query<SignInQuery>,
) -> Result<Response, Error> {
    let next = ReturnPath::or_home(&going.next);
    if service::pending(&app, &session).await?.is_none() {
        return Ok(start_over(&next));
    }
    Ok(page(&app, &visit, next, FormErrors::default(), StatusCode::OK).await)
}

pub async fn submit(
    State(app): State<App>,
    Extension(visit): Extension<Visit>,
    session: Session,
    headers: HeaderMap,
    Form(form): Form<SecondFactorForm>,
) -> Result<Response, Error> {
    let next = ReturnPath::or_home(&form.next);
    let Some(person) = service::pending(&app, &session).await? else { return Ok(start_over(&next)) };
    let known = browser(&app, &headers);
    match service::check_second_factor(&app, &visit, &person, &form.code, known.as_ref()).await {
        Ok(true) => enter(&app, &session, &visit, &headers, &person, &next).await,
        Ok(false) => {
            let told = "This code is wrong or was used already. Enter the one that the app shows now.";
            let errors = FormErrors::default().with("code", told);
            Ok(page(&app, &visit, next, errors, StatusCode::UNPROCESSABLE_ENTITY).await)
        }
        Err(Error::TooMany(wait)) => {
            Ok(slowed(wait, |errors, status| page(&app, &visit, next, errors, status)).await)
        }
        Err(error) => Err(error),
    }
}

/// The password was too long ago, or never given here.
fn start_over(next: &ReturnPath) -> Response {
    onward("/sign-in", next)
}

async fn page(
    app: &App,
    visit: &Visit,
    next: ReturnPath,
    errors: FormErrors,
    status: StatusCode,
) -> Response {
    let host = app.public_url.authority().to_owned();
    Page::new(app, visit, "Second factor")
        .status(status)
        .render(move || {
            view! {
                <Solo width=SoloWidth::Slim rack=true host>
                    <h1 class="h-page text-center">"Enter your code"</h1>
                    <p class="mt-1 mb-6 text-center text-ink-2">"from your authenticator app, or a recovery code"</p>
                    <PageForm
                        action="/sign-in/second-factor" errors failed="You are not signed in." class="grid gap-4"
                    >
                        <HiddenFields fields=vec![("next", next.to_string())]/>
                        <Input
                            name="code" label="Code" autocomplete="one-time-code" verbatim=true large=true focus=true
                            control="mono" max_length=40
                        />
                        <SubmitButton text="Sign in" saving="Signing in…" size=Size::Large class="mt-2 w-full"/>
                    </PageForm>
                    <p class="mt-8 text-center text-dense text-ink-3 text-balance">
                        "Lost both? Whoever runs this server can turn the second factor off. "
                        <a class="link" href="/sign-in">"Start over"</a>
                    </p>
                </Solo>
            }
        })
        .await
}
