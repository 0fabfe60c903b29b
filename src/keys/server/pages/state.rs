//! `POST …/{id}/disable` and `…/{id}/enable`, which the list's menus and the key's page send.

use axum::extract::{Form, State};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use tower_sessions::Session;

use super::{leave_refusal, path_of};
use crate::keys::server::{self as keys, Key, Refusal};
use crate::orgs::server::Member;
use crate::platform::http::PathId;
use crate::platform::{App, Error};
use crate::shared::{KeyId, ReturnPath};
use crate::ui::server::message::leave_message;

#[derive(Deserialize)]
pub struct KeyStateForm {
    #[serde(default)]
    back: String,
}

pub async fn disable(
    State(app): State<App>,
    member: Member,
    session: Session,
    PathId(id): PathId<KeyId>,
    Form(form): Form<KeyStateForm>,
) -> Result<Response, Error> {
    let done = keys::disable(&app, &member, id).await;
    let message = |key: &Key| format!("{} is disabled. Calls with it fail until it is enabled.", key.name);
    finish(&session, &form, id, done, message).await
}

pub async fn enable(
    State(app): State<App>,
    member: Member,
    session: Session,
    PathId(id): PathId<KeyId>,
    Form(form): Form<KeyStateForm>,
) -> Result<Response, Error> {
    let done = keys::enable(&app, &member, id).await;
    finish(&session, &form, id, done, |key| format!("{} works again.", key.name)).await
}

async fn finish(
    session: &Session,
    form: &KeyStateForm,
    id: KeyId,
    done: Result<Key, Refusal>,
    message: impl FnOnce(&Key) -> String,
) -> Result<Response, Error> {
    let here = path_of(id);
    let back = ReturnPath::parse(&form.back).map_or(here, |back| back.to_string());
    match done {
        Ok(key) => leave_message(session, &message(&key)).await?,
        // Another request was faster, or the key policy does not allow it: the page shows the current state.
        Err(refusal) => leave_refusal(session, refusal).await?,
    }
    Ok(Redirect::to(&back).into_response())
}
