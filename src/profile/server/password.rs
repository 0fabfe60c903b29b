//! Changes the password, or sets the first one.

use axum::extract::{Form, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use leptos::prelude::*;
use serde::Deserialize;
use tower_sessions::Session;

use super::confirm::{Confirm, ConfirmField};
use super::{HOME, redirect_home};
use crate::accounts::server::set_browser_cookie;
use crate::accounts::server::{self as accounts, ProfileChange};
use crate::orgs::server::Member;
use crate::orgs::server::page_frame::form_page;
use crate::platform::{App, Error, Secret};
use crate::ui::form::FormErrors;
use crate::ui::parts::{HiddenFields, Input};

const HERE: &str = "/settings/profile/password";

#[derive(Deserialize)]
pub struct ChangePasswordForm {
    present: Secret,
    new: Secret,
}

pub async fn show(State(app): State<App>, member: Member) -> Response {
    page(&app, &member, FormErrors::default()).await
}

pub async fn submit(
    State(app): State<App>,
    member: Member,
    session: Session,
    headers: HeaderMap,
    Form(form): Form<ChangePasswordForm>,
) -> Result<Response, Error> {
    let visitor = &member.visitor;
    let by = visitor.by();
    // A person without a password must have signed in recently instead.
    if !visitor.person.has_password
        && let Err(errors) = Confirm::of(&app, &member).check(&app, form.present.clone()).await?
    {
        return Ok(page(&app, &member, errors).await);
    }
    let changed = accounts::change_password(
        &app,
        &visitor.visit,
        &by,
        &visitor.person,
        &visitor.session,
        form.present,
        form.new,
    );
    let errors = match changed.await? {
        ProfileChange::Done => {
            accounts::keep_session(&app, &session).await?;
            let message = "Password changed. All other sessions were signed out.";
            let mut response = redirect_home(&session, message).await?.into_response();
            set_browser_cookie(&app, &headers, &visitor.person, &mut response).await?;
            return Ok(response);
        }
        ProfileChange::WrongPassword => {
            FormErrors::default().with("present", "This is not your current password.")
        }
        ProfileChange::Invalid(why) => FormErrors::default().with("new", why),
    };
    Ok(page(&app, &member, errors).await)
}

async fn page(app: &App, member: &Member, errors: FormErrors) -> Response {
    let email = member.visitor.person.email.clone();
    let confirm = Confirm::of(app, member);
    let heading = if confirm.has_password() { "Change password" } else { "Set a password" };
    form_page(app, member, None, "Password", HERE)
        .up(HOME, "Profile")
        .heading(heading)
        .text("All your other sessions are signed out.")
        .failed("The password was not changed.")
        .submit(heading)
        .possible(confirm.is_possible())
        .render(errors, move || {
            view! {
                <input type="hidden" name="username" value=email autocomplete="username"/>
                {current_password_field(confirm)}
                <Input
                    name="new" label="New password" kind="password" autocomplete="new-password"
                    hint="At least 12 characters. Several unrelated words are good."
                />
            }
        })
        .await
}

fn current_password_field(confirm: Confirm) -> AnyView {
    if !confirm.has_password() {
        return view! {
            <HiddenFields fields=vec![("present", String::new())]/>
            <ConfirmField confirm/>
        }
        .into_any();
    }
    view! {
        <Input
            name="present" label="Current password" kind="password" autocomplete="current-password" focus=true
        />
    }
    .into_any()
}
