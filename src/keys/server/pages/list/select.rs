//! `POST /settings/api-keys/selected`: disables the selected keys, or redirects to the page that confirms revoking them.

use axum::extract::{Form, State};
use axum::response::{IntoResponse, Redirect, Response};
use tower_sessions::Session;

use super::super::HOME;
use super::query::ROWS;
use crate::keys::server::{Refusal, disable};
use crate::orgs::server::Member;
use crate::platform::{App, Error};
use crate::shared::KeyId;
use crate::ui::parts::counted;
use crate::ui::server::message::{leave_error, leave_message};

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
    if action == "revoke" {
        let chosen = keys.iter().map(|key| ("key", key.to_string()));
        let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(chosen).finish();
        return Ok(Redirect::to(&format!("{HOME}/revoke?{query}")).into_response());
    }
    let mut done = 0;
    for key in &keys {
        match disable(&app, &member, *key).await {
            Ok(_) => done += 1,
            // Another request has revoked or disabled it.
            Err(Refusal::State(_)) => {}
            Err(Refusal::Error(error)) => return Err(error),
            Err(Refusal::Input(_) | Refusal::Repeated(_) | Refusal::Waits(_)) => {}
        }
    }
    let left = keys.len() as u64 - done;
    let more = if left == 0 { String::new() } else { format!(" {left} had ended or were disabled already.") };
    leave_message(&session, &format!("{} disabled.{more}", counted(done, "key", "keys"))).await?;
    Ok(Redirect::to(HOME).into_response())
}

/// The selected keys without duplicates, at most one page of them.
pub fn keys_of(pairs: &[(String, String)]) -> Vec<KeyId> {
    let mut keys: Vec<KeyId> = Vec::new();
    for (_, id) in pairs.iter().filter(|(name, _)| name == "key").take(ROWS) {
        if let Some(key) = KeyId::parse(id).filter(|key| !keys.contains(key)) {
            keys.push(key);
        }
    }
    keys
}
