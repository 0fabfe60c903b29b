//! Changes what the list says of a permission. Its name stays: services ask for it.

use axum::extract::{Form, State};
use axum::response::{IntoResponse, Redirect, Response};
use leptos::prelude::*;
use serde::Deserialize;
use tower_sessions::Session;

use super::HOME;
use crate::orgs::server::Member;
use crate::orgs::server::page_frame::form_page;
use crate::permissions::model::MAX_DESCRIPTION_LENGTH;
use crate::permissions::server::{self as permissions, ListedPermission, PermissionRefusal};
use crate::platform::http::PathId;
use crate::platform::{App, Error};
use crate::shared::{Permission, PermissionId};
use crate::ui::form::FormErrors;
use crate::ui::parts::Input;
use crate::ui::server::message::leave_message;
use crate::ui::shell::Nav;

#[derive(Deserialize)]
pub struct DescribePermissionForm {
    #[serde(default)]
    description: String,
}

pub async fn show(
    State(app): State<App>,
    member: Member,
    PathId(id): PathId<PermissionId>,
) -> Result<Response, Error> {
    let permission = permissions::find(&app, &member, id).await?;
    member.require(Permission::ManagePermissions)?;
    Ok(page(&app, &member, permission, FormErrors::default()).await)
}

pub async fn submit(
    State(app): State<App>,
    member: Member,
    session: Session,
    PathId(id): PathId<PermissionId>,
    Form(form): Form<DescribePermissionForm>,
) -> Result<Response, Error> {
    let permission = permissions::find(&app, &member, id).await?;
    match permissions::describe(&app, &member, id, &form.description).await {
        Ok(()) => {
            leave_message(&session, "Changes saved.").await?;
            Ok(Redirect::to(HOME).into_response())
        }
        Err(PermissionRefusal::Input(field, why)) => {
            let permission = ListedPermission { description: form.description, ..permission };
            Ok(page(&app, &member, permission, FormErrors::default().with(field, why)).await)
        }
        Err(PermissionRefusal::Error(error)) => Err(error),
    }
}

async fn page(app: &App, member: &Member, permission: ListedPermission, errors: FormErrors) -> Response {
    let ListedPermission { id, name, description, .. } = permission;
    form_page(app, member, Some(Nav::Permissions), &format!("Edit {name}"), format!("{HOME}/{id}/edit"))
        .up(HOME, "Permissions")
        .text("Its name never changes, because your services ask for it.")
        .failed("The permission was not changed.")
        .submit("Save changes")
        .render(errors, move || {
            view! {
                <Input
                    name="description" label="What it allows" value=description optional=true autocomplete="off" focus=true
                    max_length=MAX_DESCRIPTION_LENGTH
                />
            }
        })
        .await
}
