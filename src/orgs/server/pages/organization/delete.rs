//! `/settings/organization/delete`: asks the person to type the organization's name and, if it has keys, to confirm that
//! they are revoked.

use axum::extract::{Form, State};
use axum::response::{IntoResponse, Redirect, Response};
use leptos::prelude::*;
use serde::Deserialize;
use tower_sessions::Session;

use super::HERE as ORGANIZATION;
use crate::orgs::server::Member;
use crate::orgs::server::page_frame::form_page;
use crate::orgs::server::service::{self, DeleteOutcome};
use crate::platform::{App, Error};
use crate::shared::Permission;
use crate::ui::form::FormErrors;
use crate::ui::parts::{Checkbox, Input, Look, Note, Tone, counted};
use crate::ui::server::message::leave_message;
use crate::ui::shell::Nav;

const HERE: &str = "/settings/organization/delete";

#[derive(Default, Deserialize)]
pub struct DeleteOrganizationForm {
    #[serde(default)]
    name: String,
    #[serde(default)]
    keys: String,
}

pub async fn show(State(app): State<App>, member: Member) -> Result<Response, Error> {
    member.require(Permission::ManageOrganization)?;
    page(&app, &member, DeleteOrganizationForm::default(), FormErrors::default()).await
}

pub async fn submit(
    State(app): State<App>,
    member: Member,
    session: Session,
    Form(form): Form<DeleteOrganizationForm>,
) -> Result<Response, Error> {
    member.require(Permission::ManageOrganization)?;
    let name = &member.org.org_name;
    let errors = if form.name.trim() == name {
        match service::delete(&app, &member, !form.keys.is_empty()).await? {
            DeleteOutcome::Done => {
                leave_message(&session, &format!("{name} was deleted.")).await?;
                return Ok(Redirect::to("/").into_response());
            }
            DeleteOutcome::HasKeys(count) => {
                let keys = counted(count.unsigned_abs(), "key is", "keys are");
                FormErrors::default().with(
                    "keys",
                    format!("{keys} not revoked yet. Tick this to revoke them with the organization."),
                )
            }
            DeleteOutcome::OnlyOrganization => FormErrors::default().with(
                "",
                "This is the only organization that you belong to. Create or join another one first.",
            ),
        }
    } else {
        FormErrors::default().with("name", format!("Type the name as it is written here: {name}"))
    };
    page(&app, &member, form, errors).await
}

async fn page(
    app: &App,
    member: &Member,
    typed: DeleteOrganizationForm,
    errors: FormErrors,
) -> Result<Response, Error> {
    let key_count = service::count_unrevoked_keys(app, member).await?;
    let name = member.org.org_name.clone();
    let page = form_page(app, member, Some(Nav::Organization), "Delete organization", HERE)
        .up(ORGANIZATION, "Organization")
        .here("Delete")
        .heading(format!("Delete {name}"))
        .text("Everybody loses access at once, and pending invites end. This cannot be undone.")
        .failed("The organization was not deleted.")
        .submit("Delete organization")
        .saving("Deleting…")
        .look(Look::Danger);
    let fields = move || {
        let keys = (key_count > 0).then(|| {
            let count = counted(key_count.unsigned_abs(), "key is", "keys are");
            view! {
                <Note tone=Tone::Danger><p>{format!("{count} not revoked. Every request with them would start failing at once.")}</p></Note>
                <Checkbox name="keys" label="Revoke them permanently" checked=!typed.keys.is_empty()/>
            }
        });
        view! {
            {keys}
            <Input
                name="name" label="Name of the organization" value=typed.name verbatim=true autocomplete="off"
                hint=format!("Type {name} to confirm.") focus=true
            />
        }
    };
    Ok(page.render(errors, fields).await)
}
