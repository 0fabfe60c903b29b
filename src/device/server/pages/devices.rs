//! The devices on the profile: lists them, and revokes the key of one after a page that says what stops.

use async_trait::async_trait;
use axum::extract::{Form, Query, State};
use axum::response::{Redirect, Response};
use leptos::prelude::*;
use serde::Deserialize;
use tower_sessions::Session;

use crate::accounts::server::{DeviceLogins, LoggedInDevice};
use crate::keys::server::{Key, RecentUse, Refusal, end_logins, logins_of, revoke};
use crate::orgs::server::page_frame::form_page;
use crate::orgs::server::{Actor, Member};
use crate::platform::db::Write;
use crate::platform::{App, Error};
use crate::shared::UserId;
use crate::ui::form::FormErrors;
use crate::ui::parts::{HiddenFields, Look};
use crate::ui::server::form_page::FormLayout;
use crate::ui::server::message::leave_message;

pub const PATH: &str = "/settings/profile/devices";
const PROFILE: &str = "/settings/profile";

pub struct LoginDevices;

#[async_trait]
impl DeviceLogins for LoginDevices {
    async fn devices_of(&self, app: &App, user: UserId) -> Result<Vec<LoggedInDevice>, Error> {
        let now = app.clock.now();
        let device = |key: Key| LoggedInDevice {
            is_off: !key.status(now).is_active(),
            name: key.login.map(|login| login.device).unwrap_or_default(),
            key: key.id,
            key_name: key.name,
            org: key.org,
            since: key.created_at,
            last_used_at: key.last_used_at,
        };
        Ok(logins_of(app, user).await?.into_iter().map(device).collect())
    }

    async fn log_out(&self, app: &App, write: &mut Write, user: UserId) -> Result<usize, Error> {
        end_logins(app, write, user).await
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct EndDeviceForm {
    key: String,
    /// Not empty if the form was on the page that says what stops.
    confirmed: String,
}

/// Says what stops if the device's key is revoked, and asks.
pub async fn show(
    State(app): State<App>,
    member: Member,
    Query(form): Query<EndDeviceForm>,
) -> Result<Response, Error> {
    let (key, _) = login_key(&app, &member, &form.key).await?;
    let recent = RecentUse::of_key(&app, &key).await?;
    let (id, now) = (key.id, app.clock.now());
    let device = key.login.map(|login| login.device).unwrap_or_default();
    let memberships = &member.visitor.memberships;
    let org = memberships.iter().find(|membership| membership.org == key.org);
    let org = org.map(|membership| membership.org_name.clone()).unwrap_or_default();
    let name = key.name;
    let page = form_page(&app, &member, None, "Revoke the key of a device", PATH)
        .up(PROFILE, "Profile")
        .here("Revoke key")
        .heading(format!("Revoke the key of {device}?"))
        .text("Every request with it fails from the moment you revoke it. You cannot undo this.")
        .layout(FormLayout::Grouped)
        .failed("The key was not revoked.")
        .submit("Revoke key")
        .saving("Revoking…")
        .look(Look::Danger);
    let fields = move || {
        view! {
            <HiddenFields fields=vec![("key", id.to_string()), ("confirmed", "yes".to_owned())]/>
            <dl class="facts border-y border-line">
                <div><dt>"Key"</dt><dd class="[overflow-wrap:anywhere]" dir="auto">{name}</dd></div>
                <div><dt>"Organization"</dt><dd class="[overflow-wrap:anywhere]" dir="auto">{org}</dd></div>
                {recent.rows(now)}
                <div><dt>"Still works"</dt><dd>"Your other devices, and signing in here"</dd></div>
                <div><dt>"To use it again"</dt><dd>"Log in on the device again"</dd></div>
            </dl>
        }
    };
    Ok(page.render(FormErrors::default(), fields).await)
}

/// Ends a device's login in any of the person's organizations.
pub async fn end(
    State(app): State<App>,
    member: Member,
    session: Session,
    Form(form): Form<EndDeviceForm>,
) -> Result<Redirect, Error> {
    let (key, actor) = login_key(&app, &member, &form.key).await?;
    if form.confirmed.is_empty() {
        return Ok(Redirect::to(&format!("{PATH}?key={}", key.id)));
    }
    let message = match revoke(&app, &actor, key.id).await {
        Ok(key) => format!("The key {} was revoked.", key.name),
        Err(Refusal::Error(error)) => return Err(error),
        Err(_) => format!("The key {} was revoked already.", key.name),
    };
    leave_message(&session, &message).await?;
    Ok(Redirect::to("/settings/profile#devices"))
}

/// The key of one of the person's devices, and the person as a member of its organization.
async fn login_key(app: &App, member: &Member, id: &str) -> Result<(Key, Actor), Error> {
    let visitor = &member.visitor;
    let logins = logins_of(app, visitor.person.id).await?;
    let key = logins.into_iter().find(|key| key.id.to_string() == id).ok_or(Error::NotFound)?;
    let actor = visitor.actor_in(key.org).ok_or(Error::NotFound)?;
    Ok((key, actor))
}
