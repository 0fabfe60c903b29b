//! `/organizations/new`: creates another organization, with its creator as owner.

use axum::extract::{Form, State};
use axum::response::{IntoResponse, Redirect, Response};
use leptos::prelude::*;
use serde::Deserialize;
use tower_sessions::Session;

use crate::accounts::check_name;
use crate::accounts::server::choose_org;
use crate::orgs::server::page_frame::form_page;
use crate::orgs::server::{Member, create};
use crate::platform::{App, Error};
use crate::ui::form::FormErrors;
use crate::ui::parts::Input;
use crate::ui::server::message::leave_message;

const HERE: &str = "/organizations/new";

#[derive(Deserialize)]
pub struct NewOrganizationForm {
    #[serde(default)]
    name: String,
}

pub async fn show(State(app): State<App>, member: Member) -> Response {
    page(&app, &member, String::new(), FormErrors::default()).await
}

pub async fn submit(
    State(app): State<App>,
    member: Member,
    session: Session,
    Form(form): Form<NewOrganizationForm>,
) -> Result<Response, Error> {
    let name = match check_name(&form.name, "a name for the organization") {
        Ok(name) => name,
        Err(why) => {
            let errors = FormErrors::default().with("name", why);
            return Ok(page(&app, &member, form.name, errors).await);
        }
    };
    let org = create(&app, &member.visitor, &name).await?;
    choose_org(&session, org).await?;
    leave_message(&session, &format!("{name} was created and is now your current organization.")).await?;
    Ok(Redirect::to("/").into_response())
}

async fn page(app: &App, member: &Member, name: String, errors: FormErrors) -> Response {
    form_page(app, member, None, "New organization", HERE)
        .text("Keys belong to one organization and work only there. You become its owner.")
        .failed("The organization was not created.")
        .submit("Create organization")
        .saving("Creating…")
        .render(errors, move || {
            view! {
                <Input name="name" label="Name" value=name autocomplete="organization" max_length=80 focus=true/>
            }
        })
        .await
}
