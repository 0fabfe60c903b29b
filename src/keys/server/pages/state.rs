//! `POST /settings/api-keys/{id}/enable`, which the list's menus and the key's page send.

use axum::extract::{Form, State};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use tower_sessions::Session;

use super::undo::{KeyStateChange, undo_form};
use super::{leave_refusal, path_of};
use crate::keys::server as keys;
use crate::orgs::server::Member;
use crate::platform::http::PathId;
use crate::platform::{App, Error};
use crate::shared::{KeyId, ReturnPath};
use crate::ui::server::message::leave_undoable;

#[derive(Deserialize)]
pub struct EnableKeyForm {
    #[serde(default)]
    back: String,
}

pub async fn enable(
    State(app): State<App>,
    member: Member,
    session: Session,
    PathId(id): PathId<KeyId>,
    Form(form): Form<EnableKeyForm>,
) -> Result<Response, Error> {
    let back = return_path(&form.back, id);
    let since = app.clock.now();
    match keys::enable(&app, &member, id).await {
        Ok(key) => {
            let undo = undo_form(KeyStateChange::Enabled, since, &[id], &back);
            leave_undoable(&session, &format!("{} works again.", key.name), Some(undo)).await?;
        }
        // Another request was faster, or the key policy does not allow it: the page shows the current state.
        Err(refusal) => leave_refusal(&session, refusal).await?,
    }
    Ok(Redirect::to(&back).into_response())
}

/// The path that a form asks to return to, or the key's page.
pub fn return_path(back: &str, id: KeyId) -> String {
    ReturnPath::parse(back).map_or_else(|| path_of(id), |back| back.to_string())
}
