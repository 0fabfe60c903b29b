//! `POST /switch-organization`: switches the current organization. The account menu uses it, and the error page of a form
//! that was rendered for another organization.

use axum::extract::{Form, State};
use axum::response::Redirect;
use serde::Deserialize;
use tower_sessions::Session;

use crate::orgs::server::{Visitor, switch_org};
use crate::platform::{App, Error};
use crate::shared::ReturnPath;

#[derive(Deserialize)]
pub struct SwitchForm {
    organization: String,
    #[serde(default)]
    back: String,
}

pub async fn submit(
    State(app): State<App>,
    visitor: Visitor,
    session: Session,
    Form(form): Form<SwitchForm>,
) -> Result<Redirect, Error> {
    let target =
        visitor.memberships.iter().find(|membership| membership.org.to_string() == form.organization);
    let target = target.ok_or(Error::NotFound)?;
    switch_org(&app, &visitor, &session, target).await?;
    Ok(Redirect::to(ReturnPath::or_home(&form.back).as_str()))
}
