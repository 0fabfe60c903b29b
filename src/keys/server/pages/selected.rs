//! `POST /settings/api-keys/selected`: disables the selected keys, or redirects to the page that confirms disabling or revoking them.

use axum::extract::{Form, State};
use axum::response::{IntoResponse, Redirect, Response};
use tower_sessions::Session;

use super::list::keys_of;
use super::{HOME, disable_many};
use crate::orgs::server::Member;
use crate::platform::{App, Error};
use crate::ui::server::message::leave_error;

pub async fn selected(
    State(app): State<App>,
    member: Member,
    session: Session,
    Form(pairs): Form<Vec<(String, String)>>,
) -> Result<Response, Error> {
    let keys = keys_of(&pairs);
    let action = pairs.iter().find(|(name, _)| name == "do").map_or("", |(_, value)| value.as_str());
    if keys.is_empty() {
        leave_error(&session, "No key was selected.").await?;
        return Ok(Redirect::to(HOME).into_response());
    }
    let confirmation = match action {
        "revoke" => "revoke",
        _ if disable_many::stops_calls(&app, &member, &keys).await? => "disable",
        _ => return disable_many::disable_all(&app, &member, &session, &keys).await,
    };
    let chosen = keys.iter().map(|key| ("key", key.to_string()));
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(chosen).finish();
    Ok(Redirect::to(&format!("{HOME}/{confirmation}?{query}")).into_response())
}
