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

const CACHE_LIFE: Duration = Duration::from_secs(60 * 60);
/// After a failure the provider is not asked again for this long.
const RETRY_DELAY: Duration = Duration::from_secs(5);
/// The shortest time between two searches for an unknown signing key.
const MIN_KEY_REFRESH: Duration = Duration::from_secs(60);

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
    pub fn expects_secret_in_body(&self) -> bool {
        self.token_endpoint_auth_methods_supported.as_ref().is_some_and(|methods| {
            let has = |name| methods.iter().any(|method| method == name);
            has("client_secret_post") && !has("client_secret_basic")
        })
    }

    /// Checks that the issuer is the configured one and that all endpoints use https, or http on loopback for a local issuer.
    fn check(&self, issuer: &str) -> Result<(), String> {
        if self.issuer != issuer {
            return Err(format!("the issuer is {:.200}, but {issuer} is configured", self.issuer));
        }
        let endpoints = [&self.authorization_endpoint, &self.token_endpoint, &self.jwks_uri];
        for address in endpoints.into_iter().chain(&self.userinfo_endpoint) {
            let url = Url::parse(address).map_err(|_| format!("{address:.200} is not a URL"))?;
            let local = issuer.starts_with("http:") && url.scheme() == "http" && is_loopback(&url);
            if url.scheme() != "https" && !local {
                return Err(format!("{address:.200} does not use https"));
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
    let mut cache = Discoveries::of(app, provider).lock().await;
    let now = app.clock.steady();
    if let Some((metadata, _)) = cache.metadata.as_ref().filter(|(_, at)| now < *at + CACHE_LIFE) {
        return Ok(Arc::clone(metadata));
    }
    let last = cache.metadata.as_ref().map(|(metadata, _)| Arc::clone(metadata));
    if cache.failed.is_some_and(|at| now < at + RETRY_DELAY) {
        return last
            .ok_or_else(|| ProviderError::Unavailable("the last request failed a moment ago".to_owned()));
    }
    match fetch_metadata(app, provider).await {
        Ok(metadata) => {
            let metadata = Arc::new(metadata);
            cache.metadata = Some((Arc::clone(&metadata), now));
            cache.failed = None;
            Ok(metadata)
        }
        Err(refusal) => {
            cache.failed = Some(app.clock.steady());
            last.ok_or(refusal)
        }
    }
}

async fn fetch_metadata(app: &App, provider: Provider) -> Result<Metadata, ProviderError> {
    let issuer = provider.issuer(app);
    let url = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
    let metadata: Metadata = app.outbound.get_json(&url, None).await?;
    metadata.check(issuer).map_err(|why| ProviderError::InvalidResponse(format!("{url}: {why}")))?;
    Ok(metadata)
}

/// Returns the provider's signing keys. Fetches them again when the requested key is not among them.
pub async fn keys(
    app: &App,
    provider: Provider,
    metadata: &Metadata,
    kid: Option<&str>,
) -> Result<Arc<Vec<SigningKey>>, ProviderError> {
    let mut cache = Discoveries::of(app, provider).lock().await;
    let now = app.clock.steady();
    if let Some((keys, at)) = &cache.keys {
        let has = kid.is_none_or(|kid| keys.iter().any(|key| key.has_id(kid)));
        if now < *at + if has { CACHE_LIFE } else { MIN_KEY_REFRESH } {
            return Ok(Arc::clone(keys));
        }
    }
    let set: KeySet = app.outbound.get_json(&metadata.jwks_uri, None).await?;
    // Skip keys of unsupported types.
    let keys: Vec<SigningKey> =
        set.keys.into_iter().filter_map(|key| serde_json::from_value(key).ok()).collect();
    let keys = Arc::new(keys);
    cache.keys = Some((Arc::clone(&keys), now));
    Ok(keys)
}
