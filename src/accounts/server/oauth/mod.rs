//! Sign-in with an identity provider: OAuth 2.0 with PKCE, and OpenID Connect where the provider supports it.
//!
//! 1. A link leads to `start`, which stores state, nonce and verifier in a cookie and redirects the browser to the
//!    provider. A form would not work, because the Content-Security-Policy forbids forms that leave this server. The
//!    database is not written.
//! 2. The provider redirects the browser back. `OAuthFlow::is_callback` compares the callback with the cookie: the same
//!    browser, provider and state, before the flow expires. Then the flow is marked as used, so it works once.
//! 3. The server exchanges the code for tokens at the provider, with the client secret and the verifier.
//! 4. OpenID Connect: the server verifies the ID token's signature, issuer, audience, nonce and times. GitHub: its API
//!    returns the token's owner.
//! 5. The result is a `ProviderIdentity`. `service::identity` maps it to an account; email addresses are never used for
//!    that.
//!
//! A provider's endpoints and keys are fetched on demand and cached, so an unreachable provider stops neither the
//! server's start nor other sign-ins.

mod discovery;
mod flow;
mod github;
mod id_token;
mod oidc;
mod tokens;

pub use discovery::Discoveries;
pub use flow::{CallbackQuery, LIFE as FLOW_LIFE, OAuthFlow, Purpose};

use serde::{Deserialize, Serialize};

use crate::platform::App;
use crate::platform::config::ProviderUrl;
use crate::platform::outbound::OutboundError;
use crate::shared::ReturnPath;
use crate::ui::parts::Symbol;

const GOOGLE: &str = "https://accounts.google.com";

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Provider {
    GitHub,
    Google,
    /// The organization's own provider, over OpenID Connect.
    Sso,
}

/// A person's identity at a provider, just proven.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderIdentity {
    pub provider: Provider,
    pub issuer: String,
    /// Never reassigned by the provider, unlike names and addresses.
    pub subject: String,
    /// A login name or an address by which the person recognizes the identity. For display only.
    pub label: String,
    pub name: String,
    pub email: String,
    /// True if the provider has verified that the email address is the person's.
    pub email_verified: bool,
}

/// Why the provider yielded no identity.
#[derive(Debug)]
pub enum ProviderError {
    /// The provider did not respond in time.
    Unavailable(String),
    /// The response cannot be parsed or fails a check.
    InvalidResponse(String),
    /// The provider rejected the code: it is unknown or has expired.
    CodeRejected(String),
}

impl From<OutboundError> for ProviderError {
    fn from(error: OutboundError) -> Self {
        match error {
            OutboundError::Unavailable(why) => Self::Unavailable(why),
            OutboundError::Invalid(why) => Self::InvalidResponse(why),
        }
    }
}

impl Provider {
    const ALL: [Self; 3] = [Self::GitHub, Self::Google, Self::Sso];

    /// The name in URLs: `/auth/<slug>`.
    pub const fn slug(self) -> &'static str {
        match self {
            Self::GitHub => "github",
            Self::Google => "google",
            Self::Sso => "sso",
        }
    }

    pub const fn symbol(self) -> Symbol {
        match self {
            Self::GitHub => Symbol::GitHub,
            Self::Google => Symbol::Google,
            Self::Sso => Symbol::Shield,
        }
    }

    /// The display name.
    pub fn name(self, app: &App) -> String {
        match self {
            Self::GitHub => "GitHub".to_owned(),
            Self::Google => "Google".to_owned(),
            Self::Sso => app.config.providers.oidc_name.trim().to_owned(),
        }
    }

    /// The configured providers, in the order of their buttons.
    pub fn configured(app: &App) -> Vec<Self> {
        Self::ALL.into_iter().filter(|provider| !provider.client(app).0.is_empty()).collect()
    }

    pub fn find(app: &App, slug: &str) -> Option<Self> {
        Self::configured(app).into_iter().find(|provider| provider.slug() == slug)
    }

    /// The issuer of the provider's identities.
    pub fn issuer(self, app: &App) -> &str {
        let settings = &app.config.providers;
        match self {
            Self::GitHub => settings.github_url.as_str().trim_end_matches('/'),
            Self::Google => GOOGLE,
            Self::Sso => settings.oidc_issuer.as_ref().map_or("", ProviderUrl::as_str),
        }
    }

    /// The client id and the client secret.
    fn client(self, app: &App) -> (&str, &str) {
        let settings = &app.config.providers;
        let (id, secret) = match self {
            Self::GitHub => (&settings.github_client_id, &settings.github_client_secret),
            Self::Google => (&settings.google_client_id, &settings.google_client_secret),
            Self::Sso => (&settings.oidc_client_id, &settings.oidc_client_secret),
        };
        (id, secret.expose())
    }

    /// The redirect URI. Each provider has its own, so that one provider cannot respond in place of another.
    fn callback(self, app: &App) -> String {
        format!("{}/auth/{}/callback", app.public_url.origin(), self.slug())
    }
}

/// Returns the URL to redirect the browser to, and the flow to store in the browser's cookie.
pub async fn start(
    app: &App,
    provider: Provider,
    purpose: Purpose,
    next: ReturnPath,
) -> Result<(String, OAuthFlow), ProviderError> {
    let flow = OAuthFlow::new(app, provider, purpose, next);
    let url = match provider {
        Provider::GitHub => github::authorize(app, &flow)?,
        Provider::Google | Provider::Sso => oidc::authorize(app, &flow).await?,
    };
    Ok((url, flow))
}

/// Steps 3 and 4: exchanges the code and verifies the identity.
pub async fn identify(
    app: &App,
    flow: &OAuthFlow,
    query: &CallbackQuery,
) -> Result<ProviderIdentity, ProviderError> {
    match flow.provider {
        Provider::GitHub => github::identify(app, flow, query).await,
        Provider::Google | Provider::Sso => oidc::identify(app, flow, query).await,
    }
}
