//! The devices on the profile: lists them and revokes their keys.

use async_trait::async_trait;
use axum::extract::{Form, State};
use axum::response::Redirect;
use serde::Deserialize;
use tower_sessions::Session;

use crate::accounts::server::{DeviceLogins, LoggedInDevice};
use crate::keys::server::{Refusal, end_logins, logins_of, revoke};
use crate::orgs::server::Member;
use crate::platform::db::Write;
use crate::platform::{App, Error};
use crate::shared::UserId;
use crate::ui::server::message::leave_message;

pub const PATH: &str = "/settings/profile/devices";

pub struct LoginDevices;

#[async_trait]
impl DeviceLogins for LoginDevices {
    async fn devices_of(&self, app: &App, user: UserId) -> Result<Vec<LoggedInDevice>, Error> {
        let now = app.clock.now();
        let device = |key: crate::keys::server::Key| LoggedInDevice {
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

#[derive(Deserialize)]
pub struct EndDeviceForm {
    #[serde(default)]
    key: String,
}

/// Ends a device's login in any of the person's organizations.
pub async fn end(
    State(app): State<App>,
    member: Member,
    session: Session,
    Form(form): Form<EndDeviceForm>,
) -> Result<Redirect, Error> {
    let visitor = &member.visitor;
    let logins = logins_of(&app, visitor.person.id).await?;
    let key = logins.into_iter().find(|key| key.id.to_string() == form.key).ok_or(Error::NotFound)?;
    let actor = visitor.actor_in(key.org).ok_or(Error::NotFound)?;
    let message = match revoke(&app, &actor, key.id).await {
        Ok(key) => format!("The key {} was revoked.", key.name),
        Err(Refusal::Error(error)) => return Err(error),
        Err(_) => format!("The key {} was revoked already.", key.name),
    };
    leave_message(&session, &message).await?;
    Ok(Redirect::to("/settings/profile#devices"))
}
