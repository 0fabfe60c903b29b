//! The signed-in person of a request, for pages that work with and without one.

use axum::extract::OptionalFromRequestParts;
use axum::http::request::Parts;
use tower_sessions::Session;

use super::service::{Person, person_of, signed_in};
use crate::platform::{App, Error};

pub struct SessionPerson(pub Person);

impl OptionalFromRequestParts<App> for SessionPerson {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Option<Self>, Error> {
        let missing = || Error::internal("the session layer is around every route");
        let session = parts.extensions.get::<Session>().ok_or_else(missing)?;
        let Some(signed_in) = signed_in(session).await? else { return Ok(None) };
        Ok(person_of(app, &signed_in).await?.map(Self))
    }
}
