//! OpenID Connect: identifies the person by a verified ID token. Name and address come from the token or from the
//! userinfo endpoint.

use serde::Deserialize;

use super::discovery::{self, Metadata};
use super::id_token::{self, Claims, ExpectedClaims};
use super::tokens::{self, Endpoints, Tokens};
use super::{CallbackQuery, OAuthFlow, ProviderError, ProviderIdentity};
use crate::platform::App;

const SCOPES: [&str; 3] = ["openid", "email", "profile"];

fn endpoints(metadata: &Metadata) -> Endpoints<'_> {
    Endpoints {
        authorize: &metadata.authorization_endpoint,
        token: &metadata.token_endpoint,
        secret_in_body: metadata.expects_secret_in_body(),
    }
}

pub async fn authorize(app: &App, flow: &OAuthFlow) -> Result<String, ProviderError> {
    let metadata = discovery::metadata(app, flow.provider).await?;
    tokens::authorize(app, flow, &endpoints(&metadata), &SCOPES, &[("nonce", flow.nonce())])
}

pub async fn identify(
    app: &App,
    flow: &OAuthFlow,
    query: &CallbackQuery,
) -> Result<ProviderIdentity, ProviderError> {
    let metadata = discovery::metadata(app, flow.provider).await?;
    match &query.iss {
        Some(iss) if *iss != metadata.issuer => {
            return Err(ProviderError::InvalidResponse(format!("the callback names the issuer {iss:.100}")));
        }
        None if metadata.authorization_response_iss_parameter_supported => {
            return Err(ProviderError::InvalidResponse("the callback does not name the issuer".to_owned()));
        }
        _ => {}
    }
    let tokens = tokens::exchange(app, flow, &endpoints(&metadata), &query.code).await?;
    let claims = check(app, flow, &metadata, &tokens).await?;
    let user_info = fetch_user_info(app, &metadata, &tokens, &claims).await;
    let claim_or_user_info = |claim: &Option<String>, field: fn(&UserInfo) -> &Option<String>| {
        claim.clone().or_else(|| user_info.as_ref().and_then(|info| field(info).clone())).unwrap_or_default()
    };
    let email = claim_or_user_info(&claims.email, |info| &info.email);
    let name = claim_or_user_info(&claims.name, |info| &info.name);
    let email_verified = if claims.email.is_some() {
        claims.email_verified
    } else {
        user_info.as_ref().is_some_and(|info| info.email_verified)
    };
    let login = claim_or_user_info(&claims.preferred_username, |info| &info.preferred_username);
    let label = [&email, &login, &name, &claims.sub].into_iter().find(|text| !text.is_empty());
    Ok(ProviderIdentity {
        provider: flow.provider,
        issuer: metadata.issuer.clone(),
        label: label.cloned().unwrap_or_default(),
        subject: claims.sub,
        name,
        email,
        email_verified,
    })
}

async fn check(
    app: &App,
    flow: &OAuthFlow,
    metadata: &Metadata,
    tokens: &Tokens,
) -> Result<Claims, ProviderError> {
    let invalid = |why: &str| ProviderError::InvalidResponse(format!("ID token: {why}"));
    let token = tokens.id.as_ref().ok_or_else(|| invalid("missing from the token response"))?;
    let parsed = id_token::parse(token.expose()).map_err(|why| invalid(&why))?;
    let keys = discovery::keys(app, flow.provider, metadata, parsed.kid()).await?;
    let expected = ExpectedClaims {
        issuer: &metadata.issuer,
        audience: flow.provider.client(app).0,
        nonce: flow.nonce(),
        now: app.clock.now(),
    };
    parsed.verified(&keys, &expected).map_err(|why| invalid(&why))
}

#[derive(Deserialize)]
struct UserInfo {
    sub: String,
    name: Option<String>,
    preferred_username: Option<String>,
    email: Option<String>,
    #[serde(default, deserialize_with = "id_token::lenient_bool")]
    email_verified: bool,
}

/// Fetches the person's email and name if the ID token lacks one of them. They are needed only for display and for a new
/// account, where the person can type what is missing, so errors are only logged.
async fn fetch_user_info(
    app: &App,
    metadata: &Metadata,
    tokens: &Tokens,
    claims: &Claims,
) -> Option<UserInfo> {
    if claims.email.is_some() && claims.name.is_some() {
        return None;
    }
    let url = metadata.userinfo_endpoint.as_deref()?;
    match app.outbound.get_json::<UserInfo>(url, Some(tokens.access.expose())).await {
        Ok(info) if info.sub == claims.sub => Some(info),
        Ok(_) => {
            tracing::warn!("ignored the identity provider's userinfo: its subject is another person");
            None
        }
        Err(error) => {
            tracing::info!(%error, "could not fetch the identity provider's userinfo");
            None
        }
    }
}
