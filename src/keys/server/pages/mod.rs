//! The pages of Settings → API keys: the list, and the pages of one key.

mod agent_reveal;
mod allow;
mod approved;
mod call_sample;
mod create;
mod create_form;
mod customer;
mod disable;
mod disable_many;
mod edit;
mod fields;
mod finish;
mod key;
mod list;
mod notice;
mod permissions;
mod plan;
mod recent_use;
mod refusals;
mod refusals_address;
mod reveal;
mod revoke;
mod revoke_many;
mod rotate;
mod rotating;
mod selected;
mod state;
mod undo;

use axum::response::{IntoResponse, Redirect, Response};
use leptos::prelude::*;
use tower_sessions::Session;

pub use agent_reveal::reveal_for_agent;
pub use fields::{ExpiryField, FirstExpiry, read_expiry};
pub use notice::{KeyNotice, LazyView, RegisteredKeyNotice};
pub use recent_use::{RecentUse, recent_addresses, recent_calls};
pub use refusals_address::RefusalsAddress;

use super::{Key, Refusal, RefusalSpan};
use crate::keys::{SOON, Status};
use crate::platform::Error;
use crate::platform::http::{Audience, Routes};
use crate::shared::{KeyId, Timestamp};
use crate::ui::parts::{Badge, Shape, Tone};
use crate::ui::server::message::{leave_error, leave_message};
use crate::usage::Outcome;

/// The path of the list.
pub const HOME: &str = "/settings/api-keys";

pub fn routes() -> Routes {
    Routes::default()
        .get("/settings/api-keys", Audience::Person, list::show)
        .post("/settings/api-keys", Audience::Person, list::search)
        .get("/settings/api-keys/export", Audience::Person, list::export)
        .get("/settings/api-keys/new", Audience::Person, create::show)
        .post("/settings/api-keys/new", Audience::Person, create::submit)
        .post("/settings/api-keys/approved/{id}", Audience::Person, approved::create)
        .post("/settings/api-keys/selected", Audience::Person, selected::selected)
        .post(undo::PATH, Audience::Person, undo::submit)
        .get(disable_many::HERE, Audience::Person, disable_many::show)
        .post(disable_many::HERE, Audience::Person, disable_many::submit)
        .get("/settings/api-keys/revoke", Audience::Person, revoke_many::show)
        .post("/settings/api-keys/revoke", Audience::Person, revoke_many::submit)
        .get("/settings/api-keys/{id}", Audience::Person, key::show)
        .get("/settings/api-keys/{id}/edit", Audience::Person, edit::show)
        .post("/settings/api-keys/{id}/edit", Audience::Person, edit::submit)
        .get("/settings/api-keys/{id}/rotate", Audience::Person, rotate::show)
        .post("/settings/api-keys/{id}/rotate", Audience::Person, rotate::submit)
        .get("/settings/api-keys/{id}/finish", Audience::Person, finish::show)
        .post("/settings/api-keys/{id}/finish", Audience::Person, finish::submit)
        .post("/settings/api-keys/{id}/extend", Audience::Person, rotate::extend)
        .get("/settings/api-keys/{id}/revoke", Audience::Person, revoke::show)
        .post("/settings/api-keys/{id}/revoke", Audience::Person, revoke::submit)
        .get("/settings/api-keys/{id}/disable", Audience::Person, disable::show)
        .post("/settings/api-keys/{id}/disable", Audience::Person, disable::submit)
        .post("/settings/api-keys/{id}/enable", Audience::Person, state::enable)
        .get(plan::HERE, Audience::Person, plan::show)
        .post(plan::HERE, Audience::Person, plan::submit)
        .get("/settings/api-keys/{id}/allow", Audience::Person, allow::show)
        .post("/settings/api-keys/{id}/allow", Audience::Person, allow::submit)
        .get("/settings/api-keys/refusals", Audience::Person, refusals::show_all)
        .get("/settings/api-keys/{id}/refusals", Audience::Person, refusals::show)
        .post("/settings/api-keys/{id}/refusals", Audience::Person, refusals::submit)
        .merge(permissions::routes())
        // Published clients print these paths.
        .get("/dashboard/api-keys", Audience::Anyone, lead_home)
        .get("/dashboard/api/keys", Audience::Anyone, lead_home)
        .get("/app/settings/api-keys", Audience::Anyone, lead_home)
}

async fn lead_home() -> Redirect {
    Redirect::to(HOME)
}

fn path_of(key: KeyId) -> String {
    format!("{HOME}/{key}")
}

/// The address of a key's recent requests, those with one outcome or all.
fn refusals_path(key: KeyId, outcome: Option<Outcome>, span: RefusalSpan) -> String {
    RefusalsAddress { key: Some(key), outcome, span }.href()
}

/// Redirects to the key's page with a message.
async fn redirect_with_message(session: &Session, id: KeyId, message: &str) -> Result<Response, Error> {
    leave_message(session, message).await?;
    Ok(Redirect::to(&path_of(id)).into_response())
}

/// Handles a change that was refused: the key's page shows the current state.
async fn refused(session: &Session, id: KeyId, refusal: Refusal) -> Result<Response, Error> {
    leave_refusal(session, refusal).await?;
    Ok(Redirect::to(&path_of(id)).into_response())
}

/// Leaves the reason of a refused change for the next page. Fails where a page cannot say it.
pub async fn leave_refusal(session: &Session, refusal: Refusal) -> Result<(), Error> {
    match refusal {
        Refusal::State(why) => leave_error(session, why).await,
        Refusal::Input(wrong) => {
            let why = wrong.first().map_or("It was not accepted.", |(_, why)| why.as_str());
            leave_error(session, why).await
        }
        Refusal::Repeated(_) | Refusal::Waits(_) => Err(Error::OutOfStep),
        Refusal::Error(error) => Err(error),
    }
}

/// The most urgent problem of a key, and whether it was found in public; None if there is nothing.
fn badge_of(key: &Key, now: Timestamp, limited: bool, is_new: bool) -> Option<AnyView> {
    let status = status_badge(key, now, limited, is_new);
    if !key.is_leaked() {
        return status;
    }
    Some(view! { {status}<Badge tone=Tone::Danger text="Leaked"/> }.into_any())
}

fn status_badge(key: &Key, now: Timestamp, limited: bool, is_new: bool) -> Option<AnyView> {
    let ends_soon = key.expires_at.is_some_and(|end| end <= now.plus(SOON));
    let (tone, shape, text) = match key.status(now) {
        Status::Revoked => (Tone::Danger, Shape::Revoked, "Revoked"),
        Status::Disabled => (Tone::Plain, Shape::Disabled, "Disabled"),
        Status::Expired => (Tone::Plain, Shape::Expired, "Expired"),
        Status::Rotating => (Tone::Info, Shape::Rotating, "Rotating"),
        Status::Active if limited => (Tone::Warn, Shape::Limited, "Rate limited"),
        Status::Active if is_new => (Tone::Brass, Shape::New, "New"),
        Status::Active if ends_soon => (Tone::Warn, Shape::Expiring, "Expiring"),
        Status::Active if key.last_used_at.is_none() => (Tone::Line, Shape::Unused, "Never used"),
        Status::Active => return None,
    };
    Some(view! { <Badge tone shape text/> }.into_any())
}
