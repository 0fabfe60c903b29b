//! The steps of a login: a person decides (`decide`), the app redeems the code (`redeem`) and renews the login (`refresh`). Codes and
//! refresh tokens are good once; using one again ends the login.

mod decide;
mod redeem;
mod refresh;

use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;

use super::store;
use crate::audit::By;
use crate::keys::server::end_login;
use crate::platform::{App, Error, Secret};
use crate::shared::Role;

pub use decide::{ConsentDecision, ConsentOutcome, approve, deny};
pub use redeem::{CodeRedemption, redeem};
pub use refresh::{LoginRefresh, refresh};

/// How long an access token works.
pub const SECRET_LIFE: Duration = Duration::from_secs(60 * 60);
/// A login that is not renewed for this long ends.
pub const LOGIN_IDLE_LIFE: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// How long a registered app stays that nobody has approved.
pub const UNUSED_CLIENT_LIFE: Duration = Duration::from_secs(24 * 60 * 60);
/// How long former codes and refresh tokens are known, so that their reuse is noticed.
const FORMER_LIFE: Duration = LOGIN_IDLE_LIFE;

/// What an app receives for a code or a refresh token.
#[derive(Debug)]
pub struct GrantedTokens {
    pub access: Secret,
    pub refresh: Secret,
    pub role: Role,
    /// How long the access token works.
    pub expires_in: Duration,
}

/// Why an app receives no tokens.
#[derive(Debug)]
pub enum GrantFailure {
    /// The code or refresh token is refused (`invalid_grant`). The sentence says why.
    Refused(String),
    Error(Error),
}

impl<E: Into<Error>> From<E> for GrantFailure {
    fn from(error: E) -> Self {
        Self::Error(error.into())
    }
}

fn refused<T>(why: impl Into<String>) -> Result<T, GrantFailure> {
    Err(GrantFailure::Refused(why.into()))
}

/// 256 random bits. They cannot be guessed, so a plain hash is stored.
fn random_token(app: &App) -> Secret {
    Secret::new(BASE64URL_NOPAD.encode(&app.random.bytes::<32>()))
}

/// Deletes apps that nobody used, former codes and tokens, and ends logins that were not renewed for a long time.
pub async fn sweep(app: &App) -> Result<(), Error> {
    let now = app.clock.now();
    let mut write = app.db.write().await?;
    store::delete_unused_clients(&mut write, now.minus(UNUSED_CLIENT_LIFE)).await?;
    store::delete_codes_expired_before(&mut write, now.minus(FORMER_LIFE)).await?;
    store::delete_former_tokens(&mut write, now.minus(FORMER_LIFE)).await?;
    write.commit().await?;
    loop {
        let before = now.minus(LOGIN_IDLE_LIFE);
        let idle = store::logins_renewed_before(app.db.pool(), before).await?;
        for key in &idle {
            let mut write = app.db.write().await?;
            let login = store::lock_login(&mut write, *key).await?;
            let Some(login) = login.filter(|login| login.renewed_at <= before) else { continue };
            store::delete_login(&mut write, *key).await?;
            let because = "its app did not renew the login for 30 days";
            end_login(app, write, login.org, login.key, &By::system(), because).await?;
        }
        if idle.is_empty() {
            return Ok(());
        }
    }
}
