//! The steps of a login: the device calls `begin`, then `poll` until a person has decided.

mod begin;
mod decide;
mod key_choice;
mod poll;

use std::time::Duration;

use super::store;
use crate::device::UserCode;
use crate::platform::{App, Error};

pub use begin::{BeginLogin, BeginLoginError, StartedLogin, begin};
pub use decide::{DecisionOutcome, approve, count_wrong_code, deny, look_up, role_of};
pub use key_choice::{ChosenExpiry, KeyChoice, latest_expiry};
pub use poll::{CollectedKey, Poll, PollError, key_collected, poll};

/// How long an expired login stays in the database.
const EXPIRED_LOGIN_LIFE: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// The page where people enter a code.
pub fn verification_uri(app: &App) -> String {
    format!("{}/auth/device", app.public_url.origin())
}

/// The page with the code filled in. If the configuration forbids links with codes, OAuth clients do not receive this link
/// (`StartedLogin::verification_uri_complete`), and the page asks the person to type the code anyway.
pub fn verification_uri_complete(app: &App, code: &UserCode, product: Option<&str>) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("code", &code.to_string());
    if let Some(product) = product {
        query.append_pair("product", product);
    }
    format!("{}?{}", verification_uri(app), query.finish())
}

/// Deletes logins that expired long ago.
pub async fn sweep(app: &App) -> Result<(), Error> {
    let mut write = app.db.write().await?;
    store::delete_expired_before(&mut write, app.clock.now().minus(EXPIRED_LOGIN_LIFE)).await?;
    Ok(write.commit().await?)
}
