//! An app renews its login with a refresh token, which is replaced at each use. If the response is lost, the app may send the same
//! token again for a moment; any other reuse ends the login, because two programs have the token.

use std::time::Duration;

use super::super::store::{self, RefreshToken};
use super::{GrantFailure, GrantedTokens, LOGIN_IDLE_LIFE, SECRET_LIFE, random_token, refused};
use crate::audit::By;
use crate::keys::server::{LoginRenewal, RefusedRenewal, end_login, mint, plan_includes_api, renew_login};
use crate::platform::db::Write;
use crate::platform::http::Visit;
use crate::platform::{App, Secret};
use crate::shared::{Kind, Timestamp};

/// How long a used token still works, while its successor is unused.
const RETRY_TIME: Duration = Duration::from_secs(30);

const UNKNOWN: &str = "The refresh token is unknown, or it is for another app.";
const REPLACED: &str = "The refresh token was replaced by a newer one.";
const NOT_IN_PLAN: &str = "The plan of the organization does not include the API.";
const ENDED: &str = "The login has ended. Log in again.";
const REUSED: &str = "The refresh token was used already, so the login was ended. Log in again.";

#[derive(Clone, Debug)]
pub struct LoginRefresh<'a> {
    pub client_id: &'a str,
    pub token: Secret,
    pub visit: &'a Visit,
}

/// How a refresh token may be used.
enum TokenUse {
    First,
    /// Again, because the response was lost. Contains the hash of the token that was in it.
    Retry(String),
    /// Replaced before it was used.
    Replaced,
    Reuse,
}

pub async fn refresh(app: &App, request: &LoginRefresh<'_>) -> Result<GrantedTokens, GrantFailure> {
    let hash = request.token.fingerprint();
    let found = store::find_refresh_token(app.db.pool(), &hash).await?;
    let Some(found) = found.filter(|token| token.client_id == request.client_id) else {
        return refused(UNKNOWN);
    };
    if !plan_includes_api(app, found.org).await? {
        return refused(NOT_IN_PLAN);
    }
    // Hashing comes before the transaction. A token that is used again needs no new secret.
    let minted = match classify(&found, None, app.clock.now()) {
        TokenUse::Replaced => return refused(REPLACED),
        TokenUse::First | TokenUse::Retry(_) => Some(mint(app, Kind::Mcp).await?),
        TokenUse::Reuse => None,
    };
    let mut write = app.db.write().await?;
    let now = app.clock.now();
    let Some(login) = store::lock_login(&mut write, found.key).await? else { return refused(UNKNOWN) };
    let Some(token) = store::find_refresh_token(&mut *write, &hash).await? else { return refused(UNKNOWN) };
    if now.since(login.renewed_at) >= LOGIN_IDLE_LIFE {
        return refused(ENDED);
    }
    let successor = match &token.successor_hash {
        Some(successor) => store::find_refresh_token(&mut *write, successor).await?,
        None => None,
    };
    let (retried, minted) = match (classify(&token, successor.as_ref(), now), minted) {
        (TokenUse::First, Some(minted)) => (None, minted),
        (TokenUse::Retry(successor), Some(minted)) => (Some(successor), minted),
        (TokenUse::Replaced, _) => return refused(REPLACED),
        (TokenUse::First | TokenUse::Retry(_) | TokenUse::Reuse, _) => {
            return end_reused(app, write, request, &token).await;
        }
    };
    let fresh = random_token(app);
    if let Some(successor) = &retried
        && !store::replace_unused(&mut write, successor, now).await?
    {
        return end_reused(app, write, request, &token).await;
    }
    store::set_successor(&mut write, &hash, &fresh.fingerprint(), now).await?;
    store::insert_refresh_token(&mut write, &fresh.fingerprint(), login.key, now).await?;
    store::set_renewed_at(&mut write, login.key, now).await?;
    let renewal = LoginRenewal {
        key: login.key,
        org: login.org,
        user: login.user,
        approved_role: login.role,
        secret_until: now.plus(SECRET_LIFE),
        replaces_unused: retried.is_some(),
    };
    match renew_login(app, write, minted, &renewal).await? {
        Ok(renewed) => Ok(GrantedTokens {
            access: renewed.plaintext,
            refresh: fresh,
            role: renewed.key.role,
            expires_in: renewed.key.renewal.map_or(SECRET_LIFE, |secrets| secrets.until.since(now)),
        }),
        Err(why) => refused(words(why)),
    }
}

/// Without the successor, a token that was used is classified as if the successor were unused.
fn classify(token: &RefreshToken, successor: Option<&RefreshToken>, now: Timestamp) -> TokenUse {
    match (token.used_at, &token.successor_hash) {
        _ if token.replaced_at.is_some() => TokenUse::Replaced,
        (None, _) => TokenUse::First,
        (Some(used_at), Some(hash)) => {
            let is_unused = successor.is_none_or(|successor| successor.used_at.is_none());
            if is_unused && now.since(used_at) < RETRY_TIME {
                TokenUse::Retry(hash.clone())
            } else {
                TokenUse::Reuse
            }
        }
        (Some(_), None) => TokenUse::Reuse,
    }
}

async fn end_reused(
    app: &App,
    mut write: Write,
    request: &LoginRefresh<'_>,
    token: &RefreshToken,
) -> Result<GrantedTokens, GrantFailure> {
    store::delete_login(&mut write, token.key).await?;
    let because = "a refresh token of its login was used again";
    end_login(app, write, token.org, token.key, &By::stranger(request.visit), because).await?;
    refused(REUSED)
}

fn words(why: RefusedRenewal) -> String {
    match why {
        RefusedRenewal::NotMember => "The person may no longer have keys in this organization.".to_owned(),
        RefusedRenewal::KeyEnded => ENDED.to_owned(),
        RefusedRenewal::Disabled => "The key of this login is disabled.".to_owned(),
        RefusedRenewal::AgainstPolicy(why) => why,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shared::{KeyId, OrgId};

    fn token(used_at: Option<i64>, successor: Option<&str>, replaced_at: Option<i64>) -> RefreshToken {
        RefreshToken {
            key: KeyId::NIL,
            org: OrgId::NIL,
            client_id: String::new(),
            used_at: used_at.map(Timestamp::from_millis),
            successor_hash: successor.map(str::to_owned),
            replaced_at: replaced_at.map(Timestamp::from_millis),
        }
    }

    #[test]
    fn a_used_token_works_again_for_a_moment_while_its_successor_is_unused() {
        let (unused, used) = (token(None, None, None), token(Some(1_000), Some("next"), None));
        let at = Timestamp::from_millis;
        assert!(matches!(classify(&unused, None, at(0)), TokenUse::First));
        assert!(
            matches!(classify(&used, Some(&unused), at(30_999)), TokenUse::Retry(next) if next == "next")
        );
        assert!(matches!(classify(&used, Some(&unused), at(31_000)), TokenUse::Reuse));
        assert!(matches!(classify(&used, Some(&used), at(1_001)), TokenUse::Reuse));
        assert!(matches!(classify(&token(None, None, Some(1)), None, at(2)), TokenUse::Replaced));
    }
}
