//! OpenID Connect: identifies the person by a verified ID token. Name and address come from the token or from the
//! userinfo endpoint.

use serde::Deserialize;

use super::discovery::{self, Metadata};
use super::id_token::{self, Claims, ExpectedClaims};
use super::tokens::{self, Endpoints, Tokens};
use super::{CallbackQuery, Identity, OAuthFlow, ProviderError};
use crate::platform::App;

const SCOPES: [&str; 3] = ["openid", "email", "profile"];

fn endpoints(metadata: &Metadata) -> Endpoints<'_> {
    Endpoints {
        authorize: &metadata.authorization_endpoint,
        token: &metadata.token_endpoint,
        secret_in_body: metadata.wants_secret_in_body(),
    }
}

pub async fn authorize(app: &App, flow: &OAuthFlow) -> Result<String, ProviderError> {
    let metadata = discovery::metadata(app, flow.provider).await?;
    tokens::authorize(app, flow, &endpoints(&metadata), &SCOPES, &[("nonce", flow.nonce())])
}

pub async fn identify(
    app: &App,
    flow: &OAuthFlow,
    answer: &CallbackQuery,
) -> Result<Identity, ProviderError> {
    let metadata = discovery::metadata(app, flow.provider).await?;
    match &answer.iss {
        Some(iss) if *iss != metadata.issuer => {
            return Err(ProviderError::Nonsense(format!("the answer is from {iss:.100}")));
        }
        None if metadata.authorization_response_iss_parameter_supported => {
            return Err(ProviderError::Nonsense("the answer does not say who gave it".to_owned()));
        }
        _ => {}
    }
    let tokens = tokens::exchange(app, flow, &endpoints(&metadata), &answer.code).await?;
    let claims = check(app, flow, &metadata, &tokens).await?;
    let details = details(app, &metadata, &tokens, &claims).await;
    let said = |own: &Option<String>, asked: fn(&UserInfo) -> &Option<String>| {
        own.clone()
            .or_else(|| details.as_ref().and_then(|details| asked(details).clone()))
            .unwrap_or_default()
    };
    let email = said(&claims.email, |details| &details.email);
    let name = said(&claims.name, |details| &details.name);
    let verified_by = if claims.email.is_some() {
        claims.email_verified
    } else {
        details.as_ref().is_some_and(|details| details.email_verified)
    };
    let login = said(&claims.preferred_username, |details| &details.preferred_username);
    let label = [&email, &login, &name, &claims.sub].into_iter().find(|text| !text.is_empty());
    Ok(Identity {
        provider: flow.provider,
        issuer: metadata.issuer.clone(),
        label: label.cloned().unwrap_or_default(),
        subject: claims.sub,
        name,
        email,
        email_verified: verified_by,
    })
}

async fn check(
    app: &App,
    flow: &OAuthFlow,
    metadata: &Metadata,
    tokens: &Tokens,
) -> Result<Claims, ProviderError> {
    let nonsense = |why: &str| ProviderError::Nonsense(why.to_owned());
    let token = tokens.id.as_ref().ok_or_else(|| nonsense("there is no id token"))?;
    let parsed = id_token::parse(token.expose()).map_err(|why| nonsense(&why))?;
    let keys = discovery::keys(app, flow.provider, metadata, parsed.kid()).await?;
    let expected = ExpectedClaims {
        issuer: &metadata.issuer,
        audience: flow.provider.client(app).0,
        nonce: flow.nonce(),
        now: app.clock.now(),
    };
    parsed.verified(&keys, &expected).map_err(|why| ProviderError::Nonsense(format!("id token: {why}")))
}

#[derive(Deserialize)]
struct UserInfo {
    sub: String,
    name: Option<String>,
    preferred_username: Option<String>,
    email: Option<String>,
    #[serde(default, deserialize_with = "id_token::truth")]
    email_verified: bool,
}

/// Needed only for display and for a new account; the person types what is missing.
async fn details(app: &App, metadata: &Metadata, tokens: &Tokens, claims: &Claims) -> Option<UserInfo> {
    if claims.email.is_some() && claims.name.is_some() {
        return None;
    }
    let url = metadata.userinfo_endpoint.as_deref()?;
    match app.outbound.get_json::<UserInfo>(url, Some(tokens.access.expose())).await {
        Ok(info) if info.sub == claims.sub => Some(info),
        Ok(_) => {
            tracing::warn!("the identity provider's userinfo is about somebody else; it was not read");
            None
        }
        Err(error) => {
            tracing::info!(%error, "the identity provider's userinfo could not be read");
            None
        }
    }
}
