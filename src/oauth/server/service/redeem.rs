//! An app redeems its code: the person gets a key, whose secret is the access token.

use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use sha2::{Digest, Sha256};

use super::super::store::{self, AuthorizationCode, RenewableLoginRow};
use super::{GrantFailure, GrantedTokens, SECRET_LIFE, random_token, refused};
use crate::audit::{self, By, Event, EventActor, Origin};
use crate::keys::server::{KeyAudience, LoginDraft, RenewableLogin, end_login, log_in, mint};
use crate::orgs::server::find_current_member;
use crate::platform::http::Visit;
use crate::platform::{App, Secret};
use crate::shared::{Kind, Timestamp};

/// A request that begins within this time after another one redeemed the code is concurrent to it: that one may not be done yet.
const CONCURRENT_TIME: Duration = Duration::from_secs(1);
const USED: &str = "The code was used already.";
const EXPIRED: &str = "The code has expired.";
const NOT_ALLOWED: &str = "The person may no longer have keys in this organization.";

#[derive(Clone, Debug)]
pub struct CodeRedemption<'a> {
    pub client_id: &'a str,
    pub code: Secret,
    pub redirect_uri: &'a str,
    pub verifier: &'a str,
    pub visit: &'a Visit,
    /// When the request arrived.
    pub began: Timestamp,
}

/// Creates the key and its first tokens. Of concurrent requests with the same code, one succeeds. A request that begins later ends
/// the login, because two programs have the code.
pub async fn redeem(app: &App, redemption: &CodeRedemption<'_>) -> Result<GrantedTokens, GrantFailure> {
    let hash = redemption.code.fingerprint();
    let found = store::find_code(app.db.pool(), &hash).await?;
    let Some(code) = found.filter(|code| code.client_id == redemption.client_id) else {
        return refused("The code is unknown, or it is for another app.");
    };
    if code.redeemed_at.is_some() {
        return end_reused(app, redemption, &code).await;
    }
    if code.expires_at <= app.clock.now() {
        return refused(EXPIRED);
    }
    if code.redirect_uri != redemption.redirect_uri {
        return refused("redirect_uri is not the one of the request.");
    }
    if challenge_of(redemption.verifier) != code.challenge {
        return refused("code_verifier does not match the request.");
    }
    // Check before the transaction to avoid a needless hash; the check in the transaction decides.
    let Some(member) = find_current_member(app, code.org, code.user).await? else {
        return not_allowed(app, redemption, &code).await;
    };
    let minted = mint(app, Kind::Mcp).await?;
    let mut write = app.db.write().await?;
    let now = app.clock.now();
    if !store::redeem_code(&mut write, &hash, now, minted.id).await? {
        drop(write);
        let found = store::find_code(app.db.pool(), &hash).await?;
        return refused(if found.is_some_and(|code| code.redeemed_at.is_some()) { USED } else { EXPIRED });
    }
    let login = RenewableLoginRow {
        key: minted.id,
        org: code.org,
        user: code.user,
        client_id: code.client_id.clone(),
        role: code.role,
        renewed_at: now,
    };
    let refresh = random_token(app);
    store::insert_login(&mut write, &login).await?;
    store::insert_refresh_token(&mut write, &refresh.fingerprint(), minted.id, now).await?;
    let secret_until = now.plus(SECRET_LIFE);
    let draft = LoginDraft {
        user: code.user,
        org: code.org,
        cap: code.role,
        expires_by: None,
        tool: code.client_name.clone(),
        device: None,
        device_id: None,
        product: code.client_id.clone(),
        name: Some(format!("MCP login · {}", code.client_name)),
        renewal: Some(RenewableLogin { audience: KeyAudience::Mcp, secret_until }),
        requested_by: None,
    };
    let by = By {
        actor: EventActor::Person { id: code.user, name: member.name },
        org: Some(code.org),
        origin: Origin::of(redemption.visit),
    };
    match log_in(app, write, minted, &draft, &by).await? {
        Some(key) => Ok(GrantedTokens {
            access: key.plaintext,
            refresh,
            role: key.key.role,
            expires_in: key.key.expires_at.map_or(SECRET_LIFE, |end| end.since(now).min(SECRET_LIFE)),
        }),
        None => not_allowed(app, redemption, &code).await,
    }
}

/// Ends the login of a code that is used again. A concurrent request is only refused.
async fn end_reused(
    app: &App,
    redemption: &CodeRedemption<'_>,
    code: &AuthorizationCode,
) -> Result<GrantedTokens, GrantFailure> {
    let is_later =
        code.redeemed_at.is_some_and(|redeemed_at| redemption.began > redeemed_at.plus(CONCURRENT_TIME));
    if let Some(key) = code.key.filter(|_| is_later) {
        let mut write = app.db.write().await?;
        store::delete_login(&mut write, key).await?;
        let because = "the code of its login was used again";
        end_login(app, write, code.org, key, &By::stranger(redemption.visit), because).await?;
    }
    refused(USED)
}

async fn not_allowed(
    app: &App,
    redemption: &CodeRedemption<'_>,
    code: &AuthorizationCode,
) -> Result<GrantedTokens, GrantFailure> {
    let event = Event::new("login.refused").on("login", "", &code.client_name).detail("reason", NOT_ALLOWED);
    audit::record_refusal(app, &By::stranger(redemption.visit).in_org(code.org), event).await?;
    refused(NOT_ALLOWED)
}

/// The challenge of a verifier (RFC 7636, S256).
fn challenge_of(verifier: &str) -> String {
    BASE64URL_NOPAD.encode(&Sha256::digest(verifier.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 7636, appendix B.
    #[test]
    fn challenges_are_those_of_the_standard() {
        let challenge = challenge_of("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
        assert_eq!(challenge, "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }
}
