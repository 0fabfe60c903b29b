//! Client id metadata documents: an app whose id is an address describes itself there, in JSON. The documents are fetched for people
//! who are signed in, with the rules for addresses that others choose, and cached as their headers say, within limits.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use axum::http::{HeaderMap, Request, header};
use serde::Deserialize;
use url::Url;

use super::client::{MAX_ID_LENGTH, clean_name};
use super::limits::ClientLimits;
use super::redirect::RedirectUri;
use crate::platform::outbound::{NameResolver, PublicClient, PublicResponse, SystemResolver, TargetPolicy};
use crate::platform::{App, Error};
use crate::shared::UserId;

const MAX_DOCUMENT: usize = 5 * 1024;
const TIMEOUT: Duration = Duration::from_secs(3);
/// How long documents and failures are cached, at least and at most.
const MIN_CACHE_TIME: Duration = Duration::from_secs(5 * 60);
const MAX_CACHE_TIME: Duration = Duration::from_secs(24 * 60 * 60);
const MAX_CACHED: usize = 1_000;

/// The fields of a client id metadata document that are used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientDocument {
    /// Empty if the document has none.
    pub name: String,
    /// Without those that are not allowed.
    pub redirect_uris: Vec<String>,
}

/// A document, or the reason why it cannot be used.
type DocumentResult = Result<ClientDocument, String>;

#[derive(Default)]
pub struct ClientDocuments {
    client: OnceLock<PublicClient>,
    cached: Mutex<HashMap<String, CachedDocument>>,
}

struct CachedDocument {
    result: DocumentResult,
    until: Duration,
}

#[derive(Deserialize)]
struct DocumentBody {
    client_id: String,
    client_name: Option<String>,
    redirect_uris: Vec<String>,
    token_endpoint_auth_method: Option<String>,
}

impl ClientDocuments {
    fn client(app: &App) -> &PublicClient {
        app.slice::<Self>().client.get_or_init(|| client(app, Arc::new(SystemResolver)))
    }

    /// For tests: uses this resolver. Call it before the first request.
    #[cfg(test)]
    pub fn resolve_with(app: &App, resolver: Arc<dyn NameResolver>) {
        let _ = app.slice::<Self>().client.set(client(app, resolver));
    }

    fn cached(&self) -> MutexGuard<'_, HashMap<String, CachedDocument>> {
        self.cached.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn client(app: &App, resolver: Arc<dyn NameResolver>) -> PublicClient {
    PublicClient::new(TargetPolicy::new(&app.config.oauth.oauth_client_targets), TIMEOUT, resolver)
}

/// The address and the host of an id, if it has the form that the specification requires: a path, no fragment and no user name, in
/// the spelling that browsers use.
pub fn address(id: &str) -> Option<(Url, String)> {
    let url = Url::parse(id).ok().filter(|url| url.as_str() == id && id.len() <= MAX_ID_LENGTH)?;
    let is_plain = url.fragment().is_none() && url.username().is_empty() && url.password().is_none();
    let is_web = matches!(url.scheme(), "https" | "http");
    let host = url.host_str()?;
    let host = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
    (is_plain && is_web && url.path().len() > 1).then_some((url, host))
}

/// The document at this address, which is the id of the app. The outer error says that the person must wait.
pub async fn fetch(
    app: &App,
    person: UserId,
    id: &str,
    url: &Url,
    host: &str,
) -> Result<DocumentResult, Error> {
    let documents = app.slice::<ClientDocuments>();
    if let Some(found) = documents.cached().get(id).filter(|found| app.clock.steady() < found.until) {
        return Ok(found.result.clone());
    }
    ClientLimits::document(app, person, host)?;
    let (result, life) = match request(app, url).await {
        Ok(response) => (read(id, &response), cache_time(&response.headers)),
        Err(why) => (Err(why), MIN_CACHE_TIME),
    };
    let now = app.clock.steady();
    let mut cached = documents.cached();
    if cached.len() >= MAX_CACHED {
        cached.retain(|_, document| now < document.until);
    }
    if cached.len() >= MAX_CACHED {
        cached.clear();
    }
    cached.insert(id.to_owned(), CachedDocument { result: result.clone(), until: now + life });
    Ok(result)
}

async fn request(app: &App, url: &Url) -> Result<PublicResponse, String> {
    let request = Request::get(url.as_str()).header(header::ACCEPT, "application/json").body(Vec::new());
    let request = request.map_err(|_| "Its address cannot be called.".to_owned())?;
    ClientDocuments::client(app).send(request).await
}

fn read(id: &str, response: &PublicResponse) -> DocumentResult {
    let refuse = |why: &str| Err(why.to_owned());
    if response.status != 200 {
        return Err(format!("The site answered with the status {}.", response.status.as_u16()));
    }
    if !is_json(&response.headers) {
        return refuse("The site answered with something other than JSON.");
    }
    if response.body.len() > MAX_DOCUMENT {
        return refuse("The answer is longer than 5 KiB.");
    }
    let Ok(body) = serde_json::from_slice::<DocumentBody>(&response.body) else {
        return refuse("The answer is not the description of an app.");
    };
    if body.client_id != id {
        return refuse("The answer describes another app: its client_id is not this address.");
    }
    if body.token_endpoint_auth_method.is_some_and(|method| method != "none") {
        return refuse(
            "The app wants to prove who it is, and this server takes apps without credentials only.",
        );
    }
    let mut redirect_uris = body.redirect_uris;
    redirect_uris.retain(|uri| RedirectUri::parse(uri).is_ok());
    if redirect_uris.is_empty() {
        return refuse("The app names no redirect URI that can be used.");
    }
    Ok(ClientDocument { name: clean_name(&body.client_name.unwrap_or_default()), redirect_uris })
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"))
}

fn cache_time(headers: &HeaderMap) -> Duration {
    let values = headers.get_all(header::CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok());
    let directives: Vec<String> = values
        .flat_map(|value| value.split(','))
        .map(|directive| directive.trim().to_ascii_lowercase())
        .collect();
    let is_uncached = directives.iter().any(|directive| directive == "no-store" || directive == "no-cache");
    let age = directives.iter().find_map(|directive| directive.strip_prefix("max-age=")?.parse().ok());
    let age = age.filter(|_| !is_uncached).unwrap_or(0);
    Duration::from_secs(age).clamp(MIN_CACHE_TIME, MAX_CACHE_TIME)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::{HeaderValue, StatusCode};

    const ID: &str = "https://app.example/client.json";

    fn response(status: u16, kind: &'static str, body: &str) -> PublicResponse {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        let status = StatusCode::from_u16(status).expect("a status");
        PublicResponse { status, headers, body: body.as_bytes().to_vec() }
    }

    #[test]
    fn ids_are_addresses_with_a_path_in_their_usual_spelling() {
        assert!(address(ID).is_some() && address("http://127.0.0.1:3999/client").is_some());
        for wrong in [
            "https://app.example",
            "https://app.example/",
            "https://app.example/client#x",
            "https://user@app.example/client",
            "https://APP.example/client",
            "https://app.example/a/../client",
            "https://app.example:443/client",
            "ftp://app.example/client",
            "https:///client",
            "javascript://app.example/client",
        ] {
            assert!(address(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn documents_are_read_or_refused_with_a_reason() {
        let good = format!(
            r#"{{"client_id": "{ID}", "client_name": "App\u202e", "redirect_uris":
            ["https://app.example/cb", "javascript:alert(1)", "http://localhost/cb"], "logo_uri": "https://x.example/"}}"#
        );
        let read = |status, kind, body: &str| super::read(ID, &response(status, kind, body));
        let document = read(200, "application/json; charset=utf-8", &good).expect("a document");
        assert_eq!(document.name, "App");
        assert_eq!(document.redirect_uris, ["https://app.example/cb", "http://localhost/cb"]);
        let long = format!("{good}{}", " ".repeat(MAX_DOCUMENT));
        let other = good.replace("client.json", "other.json");
        let private =
            good.replace("\"logo_uri\"", "\"token_endpoint_auth_method\": \"private_key_jwt\", \"logo_uri\"");
        let without = format!(r#"{{"client_id": "{ID}", "redirect_uris": ["http://app.example/"]}}"#);
        for (status, kind, body, why) in [
            (404, "application/json", good.as_str(), "status 404"),
            (301, "application/json", "", "status 301"),
            (200, "text/html", &good, "other than JSON"),
            (200, "application/json", &long, "longer than 5 KiB"),
            (200, "application/json", "{", "not the description"),
            (200, "application/json", "[]", "not the description"),
            (200, "application/json", r#"{"client_id": 1, "redirect_uris": []}"#, "not the description"),
            (200, "application/json", &other, "another app"),
            (200, "application/json", &private, "without credentials"),
            (200, "application/json", &without, "no redirect URI"),
        ] {
            let refused = read(status, kind, body).expect_err(why);
            assert!(refused.contains(why), "{refused}");
        }
    }

    #[test]
    fn documents_are_cached_as_their_headers_say_within_limits() {
        for (value, seconds) in [
            ("", 300),
            ("max-age=60", 300),
            ("public, Max-Age=3600", 3_600),
            ("max-age=999999999", 86_400),
            ("max-age=3600, no-store", 300),
            ("max-age=-1", 300),
            ("max-age=nonsense", 300),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(value));
            assert_eq!(cache_time(&headers), Duration::from_secs(seconds), "{value}");
        }
    }
}
