//! Sign-in with GitHub, which supports OAuth but not OpenID Connect: the user API returns the token's owner.

use serde::Deserialize;

use super::tokens::{self, Endpoints};
use super::{CallbackQuery, OAuthFlow, Provider, ProviderError, ProviderIdentity};
use crate::platform::App;

#[derive(Deserialize)]
struct Account {
    id: u64,
    login: String,
    name: Option<String>,
}

#[derive(Deserialize)]
struct Email {
    email: String,
    primary: bool,
    verified: bool,
}

struct Addresses {
    authorize: String,
    token: String,
    api: String,
}

impl Addresses {
    fn of(app: &App) -> Self {
        let url = &app.config.providers.github_url;
        let public = matches!(url.as_str().trim_end_matches('/'), "https://github.com");
        Self {
            authorize: url.join("/login/oauth/authorize"),
            token: url.join("/login/oauth/access_token"),
            // GitHub Enterprise Server has its API below its own address.
            api: if public { "https://api.github.com".to_owned() } else { url.join("/api/v3") },
        }
    }

    fn endpoints(&self) -> Endpoints<'_> {
        Endpoints { authorize: &self.authorize, token: &self.token, secret_in_body: true }
    }
}

pub fn authorize(app: &App, flow: &OAuthFlow) -> Result<String, ProviderError> {
    tokens::authorize(app, flow, &Addresses::of(app).endpoints(), &["read:user", "user:email"], &[])
}

pub async fn identify(
    app: &App,
    flow: &OAuthFlow,
    query: &CallbackQuery,
) -> Result<ProviderIdentity, ProviderError> {
    let addresses = Addresses::of(app);
    let tokens = tokens::exchange(app, flow, &addresses.endpoints(), &query.code).await?;
    let bearer = Some(tokens.access.expose());
    let account: Account = app.outbound.get_json(&format!("{}/user", addresses.api), bearer).await?;
    // The email is needed only for a new account. If the request fails, the person types an address.
    let emails = app.outbound.get_json::<Vec<Email>>(&format!("{}/user/emails", addresses.api), bearer).await;
    let email = emails.unwrap_or_default().into_iter().find(|email| email.primary);
    let email_verified = email.as_ref().is_some_and(|email| email.verified);
    Ok(ProviderIdentity {
        provider: Provider::GitHub,
        issuer: Provider::GitHub.issuer(app).to_owned(),
        subject: account.id.to_string(),
        name: account.name.unwrap_or_default(),
        email: email.map(|email| email.email).unwrap_or_default(),
        email_verified,
        label: account.login,
    })
}
