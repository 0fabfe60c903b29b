//! The steps of a login: the device calls `begin`, then `poll` until a person has decided.

mod begin;
mod decide;
mod poll;

use std::time::Duration;

use super::store;
use crate::device::UserCode;
use crate::platform::{App, Error};

pub use begin::{NotBegun, Request, StartedLogin, begin};
pub use decide::{Decided, approve, deny, look, role_of, typed_wrong};
pub use poll::{Granted, Poll, PollResult, fetched, poll};

/// How long an expired login stays in the database.
const KEPT: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// The page where people enter a code.
pub fn verification_uri(app: &App) -> String {
    format!("{}/auth/device", app.public_url.origin())
}

/// The same with the code in it. Whether links may carry codes is configuration (`StartedLogin::verification_uri_complete`);
/// where they may not, the page that it leads to asks for the code all the same.
pub fn verification_uri_complete(app: &App, code: &UserCode, product: Option<&str>) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("code", &code.shown());
    if let Some(product) = product {
        query.append_pair("product", product);
    }
    format!("{}?{}", verification_uri(app), query.finish())
}

/// Deletes logins that expired long ago.
pub async fn sweep(app: &App) -> Result<(), Error> {
    let mut write = app.db.write().await?;
    store::forget_before(&mut write, app.clock.now().minus(KEPT)).await?;
    Ok(write.commit().await?)
}
