//! A provider's addresses and keys, asked for when they are needed and remembered for an hour. While it is away the last
//! answer goes on being used, and people are told at once instead of each waiting for the time to run out.

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
/// After a failure nobody asks again for so long.
const REST: Duration = Duration::from_secs(5);
/// An unknown key is looked for at most this often.
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
    /// The header is the default; some know only the body.
    pub fn wants_secret_in_body(&self) -> bool {
        self.token_endpoint_auth_methods_supported.as_ref().is_some_and(|methods| {
            let has = |wanted| methods.iter().any(|method| method == wanted);
            has("client_secret_post") && !has("client_secret_basic")
        })
    }

    /// It must be what was configured, and lead to protected addresses.
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

/// What is remembered about each provider, in memory.
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

/// One at a time asks; the others get what came of it.
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

/// The provider's keys, read anew when the one that is looked for is not among them.
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
    // A key of a kind that we do not know is not for us.
    let keys: Vec<SigningKey> =
        set.keys.into_iter().filter_map(|key| serde_json::from_value(key).ok()).collect();
    let keys = Arc::new(keys);
    known.keys = Some((Arc::clone(&keys), now));
    Ok(keys)
}
