//! Removes a permission from the list and from the keys that have it, after showing which checks begin to fail.

use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use leptos::prelude::*;
use tower_sessions::Session;

use super::HOME;
use super::row::MAX_COUNTED;
use crate::keys::server as keys;
use crate::orgs::server::Member;
use crate::orgs::server::page_frame::form_page;
use crate::permissions::server::{self as permissions, ListedPermission};
use crate::platform::http::PathId;
use crate::platform::{App, Error};
use crate::shared::{Permission, PermissionId};
use crate::ui::form::FormErrors;
use crate::ui::parts::{Look, Note, Time, Tone, capped};
use crate::ui::server::message::leave_message;
use crate::ui::shell::Nav;

pub async fn show(
    State(app): State<App>,
    member: Member,
    PathId(id): PathId<PermissionId>,
) -> Result<Response, Error> {
    let permission = permissions::find(&app, &member, id).await?;
    member.require(Permission::ManagePermissions)?;
    let all = permissions::list(&app, &member).await?;
    let rows = std::slice::from_ref(&permission);
    let holders = keys::permission_holders(&app, &member, &all, rows).await?;
    let count = holders.get(&id).map_or(0, |holders| holders.count);
    let now = app.clock.now();
    let ListedPermission { name, asked_at, .. } = permission;
    let page = form_page(
        &app,
        &member,
        Some(Nav::Permissions),
        &format!("Remove {name}"),
        format!("{HOME}/{id}/remove"),
    )
    .up(HOME, "Permissions")
    .text("The name leaves the list and the keys that have it. Adding it again gives it to no key.")
    .submit("Remove permission")
    .saving("Removing…")
    .look(Look::Danger);
    let response = page.render(FormErrors::default(), move || {
        let keys = match count {
            0 => "No key may use it.".to_owned(),
            1 => "1 key loses it.".to_owned(),
            _ => format!("{} keys lose it, or can no longer use it through a wildcard.", capped(count, MAX_COUNTED)),
        };
        let asked = match asked_at {
            Some(at) => view! { "Last asked for " <Time at now/> ". " }.into_any(),
            None => view! { "No service has asked for it. " }.into_any(),
        };
        view! {
            <Note tone=Tone::Warn>
                <p><b>{keys}</b></p>
                <p class="mt-1">
                    {asked}
                    "A service that goes on asking for it is refused for every key: authorize answers 403, verify answers 400."
                </p>
            </Note>
        }
    });
    Ok(response.await)
}

pub async fn submit(
    State(app): State<App>,
    member: Member,
    session: Session,
    PathId(id): PathId<PermissionId>,
) -> Result<Response, Error> {
    let permission = permissions::find(&app, &member, id).await?;
    permissions::remove(&app, &member, id).await?;
    leave_message(&session, &format!("{} was removed.", permission.name)).await?;
    Ok(Redirect::to(HOME).into_response())
}
