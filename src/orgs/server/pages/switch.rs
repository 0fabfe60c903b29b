//! `POST /switch-organization`: from the menu, and from the offer of a form that was made for another one.

use axum::extract::{Form, State};
use axum::response::Redirect;
use serde::Deserialize;
use tower_sessions::Session;

use crate::orgs::server::{Visitor, work_in};
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
    Form(wish): Form<SwitchForm>,
) -> Result<Redirect, Error> {
    let place = visitor.memberships.iter().find(|place| place.org.to_string() == wish.organization);
    let place = place.ok_or(Error::NotFound)?;
    work_in(&app, &visitor, &session, place).await?;
    Ok(Redirect::to(ReturnPath::or_home(&wish.back).as_str()))
}
