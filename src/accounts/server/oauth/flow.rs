//! The state of a sign-in with a provider, stored in a cookie of the browser for ten minutes. Its owner may read it, and
//! to others it is useless without the provider's callback.

use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};

use super::Provider;
use crate::platform::{App, Secret};
use crate::shared::{ReturnPath, Timestamp};

pub const LIFE: Duration = Duration::from_secs(10 * 60);
/// The length of the state, the nonce and the verifier.
const RANDOM_LENGTH: usize = 43;

/// Why the person was sent to the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Purpose {
    SignIn,
    /// Link the identity to the signed-in account.
    Link,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OAuthFlow {
    pub provider: Provider,
    pub purpose: Purpose,
    state: String,
    nonce: String,
    verifier: String,
    began: Timestamp,
    next: String,
}

/// The query with which the provider redirects the browser back.
#[derive(Debug, Default, Deserialize)]
pub struct CallbackQuery {
    #[serde(default)]
    pub code: String,
    #[serde(default)]
    pub state: String,
    /// The issuer (RFC 9207).
    pub iss: Option<String>,
    pub error: Option<String>,
}

impl OAuthFlow {
    pub fn new(app: &App, provider: Provider, purpose: Purpose, next: ReturnPath) -> Self {
        let random = || app.random.base62(RANDOM_LENGTH);
        let (state, nonce, verifier) = (random(), random(), random());
        let began = app.clock.now();
        Self { provider, purpose, state, nonce, verifier, began, next: next.to_string() }
    }

    /// Returns true if the callback belongs to this flow and the flow has not expired.
    pub fn is_callback(&self, app: &App, provider: Provider, query: &CallbackQuery) -> bool {
        self.provider == provider
            && app.clock.now().since(self.began) <= LIFE
            && Secret::new(&*self.state).fingerprint() == Secret::new(&*query.state).fingerprint()
    }

    pub fn next(&self) -> ReturnPath {
        ReturnPath::or_home(&self.next)
    }

    pub fn state(&self) -> Secret {
        Secret::new(&*self.state)
    }

    pub fn nonce(&self) -> &str {
        &self.nonce
    }

    pub fn verifier(&self) -> &str {
        &self.verifier
    }

    pub fn expires(&self) -> Timestamp {
        self.began.plus(LIFE)
    }

    /// Serializes the flow for the cookie.
    pub fn to_text(&self) -> String {
        BASE64URL_NOPAD.encode(serde_json::json!(self).to_string().as_bytes())
    }

    pub fn from_text(text: &str) -> Option<Self> {
        serde_json::from_slice(&BASE64URL_NOPAD.decode(text.as_bytes()).ok()?).ok()
    }
}
