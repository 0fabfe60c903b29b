//! A provider's endpoints and keys, fetched on demand and cached for an hour. While the provider is unreachable, the last
//! response stays in use; without one, requests fail at once instead of each waiting for the timeout.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use tokio::sync::Mutex;
use url::Url;

use super::id_token::SigningKey;
use super::{Provider, ProviderError};
use crate::platform::App;
use crate::platform::config::is_loopback;

const FRESH: Duration = Duration::from_secs(60 * 60);
/// After a failure the provider is not asked again for this long.
const REST: Duration = Duration::from_secs(5);
/// The shortest time between two searches for an unknown signing key.
const NEW_KEYS: Duration = Duration::from_secs(60);

#[derive(Debug, Deserialize)]
pub struct Metadata {
    pub issuer: String,
    pub authorization_endpoint: String,
    pub token_endpoint: String,
    pub userinfo_endpoint: Option<String>,
    jwks_uri: String,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    #[serde(default)]
    pub authorization_response_iss_parameter_supported: bool,
}

impl Metadata {
    /// The Authorization header is the default; some providers accept the secret only in the body.
    pub fn wants_secret_in_body(&self) -> bool {
        self.token_endpoint_auth_methods_supported.as_ref().is_some_and(|methods| {
            let has = |wanted| methods.iter().any(|method| method == wanted);
            has("client_secret_post") && !has("client_secret_basic")
        })
    }

    /// Checks that the issuer is the configured one and that all endpoints use https, or http on loopback for a local issuer.
    fn check(&self, issuer: &str) -> Result<(), String> {
        if self.issuer != issuer {
            return Err(format!("calls itself {:.200} and is configured as {issuer}", self.issuer));
        }
        let named = [&self.authorization_endpoint, &self.token_endpoint, &self.jwks_uri];
        for address in named.into_iter().chain(&self.userinfo_endpoint) {
            let url =
                Url::parse(address).map_err(|_| format!("names {address:.200}, which is no address"))?;
            let local = issuer.starts_with("http:") && url.scheme() == "http" && is_loopback(&url);
            if url.scheme() != "https" && !local {
                return Err(format!("names {address:.200}, which is not https"));
            }
        }
        Ok(())
    }
}

#[derive(Deserialize)]
struct KeySet {
    keys: Vec<serde_json::Value>,
}

#[derive(Default)]
struct MetadataCache {
    metadata: Option<(Arc<Metadata>, Duration)>,
    keys: Option<(Arc<Vec<SigningKey>>, Duration)>,
    failed: Option<Duration>,
}

/// The in-memory cache of each provider's metadata.
#[derive(Default)]
pub struct Discoveries {
    google: Mutex<MetadataCache>,
    sso: Mutex<MetadataCache>,
}

impl Discoveries {
    fn of(app: &App, provider: Provider) -> &Mutex<MetadataCache> {
        let all = app.slice::<Self>();
        if provider == Provider::Google { &all.google } else { &all.sso }
    }
}

/// Returns the provider's metadata. One request at a time fetches it; the others wait for its result.
pub async fn metadata(app: &App, provider: Provider) -> Result<Arc<Metadata>, ProviderError> {
    let mut known = Discoveries::of(app, provider).lock().await;
    let now = app.clock.steady();
    if let Some((metadata, _)) = known.metadata.as_ref().filter(|(_, at)| now < *at + FRESH) {
        return Ok(Arc::clone(metadata));
    }
    let last = known.metadata.as_ref().map(|(metadata, _)| Arc::clone(metadata));
    if known.failed.is_some_and(|at| now < at + REST) {
        return last.ok_or_else(|| ProviderError::Away("it was away a moment ago".to_owned()));
    }
    match ask(app, provider).await {
        Ok(metadata) => {
            let metadata = Arc::new(metadata);
            known.metadata = Some((Arc::clone(&metadata), now));
            known.failed = None;
            Ok(metadata)
        }
        Err(refusal) => {
            known.failed = Some(app.clock.steady());
            last.ok_or(refusal)
        }
    }
}

async fn ask(app: &App, provider: Provider) -> Result<Metadata, ProviderError> {
    let issuer = provider.issuer(app);
    let url = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
    let metadata: Metadata = app.outbound.get_json(&url, None).await?;
    metadata.check(issuer).map_err(|why| ProviderError::Nonsense(format!("{url}: {why}")))?;
    Ok(metadata)
}

/// Returns the provider's signing keys. Fetches them again when the requested key is not among them.
pub async fn keys(
    app: &App,
    provider: Provider,
    metadata: &Metadata,
    kid: Option<&str>,
) -> Result<Arc<Vec<SigningKey>>, ProviderError> {
    let mut known = Discoveries::of(app, provider).lock().await;
    let now = app.clock.steady();
    if let Some((keys, at)) = &known.keys {
        let has = kid.is_none_or(|kid| keys.iter().any(|key| key.is_called(kid)));
        if now < *at + if has { FRESH } else { NEW_KEYS } {
            return Ok(Arc::clone(keys));
        }
    }
    let set: KeySet = app.outbound.get_json(&metadata.jwks_uri, None).await?;
    // Skip keys of unsupported types.
    let keys: Vec<SigningKey> =
        set.keys.into_iter().filter_map(|key| serde_json::from_value(key).ok()).collect();
    let keys = Arc::new(keys);
    known.keys = Some((Arc::clone(&keys), now));
    Ok(keys)
}
