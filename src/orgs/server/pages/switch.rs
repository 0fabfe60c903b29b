//! `POST /switch-organization`: from the menu, and from the offer of a form that was made for another one.

use axum::extract::Form;
use axum::response::Redirect;
use serde::Deserialize;
use tower_sessions::Session;

use crate::accounts::server::work_in;
use crate::orgs::server::Visitor;
use crate::platform::Error;
use crate::shared::ReturnPath;

#[derive(Deserialize)]
pub struct Wish {
    organization: String,
    #[serde(default)]
    back: String,
}

pub async fn submit(visitor: Visitor, session: Session, Form(wish): Form<Wish>) -> Result<Redirect, Error> {
    let place = visitor.memberships.iter().find(|place| place.org.as_str() == wish.organization);
    let place = place.ok_or(Error::NotFound)?;
    work_in(&session, &place.org).await?;
    Ok(Redirect::to(ReturnPath::or_home(&wish.back).as_str()))
}
