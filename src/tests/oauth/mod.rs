//! Identity providers: signing in, new accounts, linking. The provider runs in the process, so that it can misbehave. The
//! browser tests use a real one.

mod accounts;
mod callbacks;
mod linking;
pub mod provider;

use provider::{CLIENT, Provider, SECRET};

use super::harness::{Server, TestResponse};
use crate::platform::db::Engine;

/// A server that uses the provider both for single sign-on and as GitHub.
pub async fn server(engine: Engine, more: &[(&str, &str)]) -> (Server, Provider) {
    let provider = Provider::start().await;
    let (url, hub) = (provider.url(), provider.github_url());
    let mut settings = vec![
        ("LATCHKEY_OIDC_ISSUER", url.as_str()),
        ("LATCHKEY_OIDC_CLIENT_ID", CLIENT),
        ("LATCHKEY_OIDC_CLIENT_SECRET", SECRET),
        ("LATCHKEY_OIDC_NAME", "Tidewater ID"),
        ("LATCHKEY_GITHUB_URL", hub.as_str()),
        ("LATCHKEY_GITHUB_CLIENT_ID", CLIENT),
        ("LATCHKEY_GITHUB_CLIENT_SECRET", SECRET),
        ("LATCHKEY_PROVIDER_TIMEOUT", "500ms"),
    ];
    settings.extend(more);
    let server = Server::with(engine, &settings).await;
    provider.use_clock(&server.clock);
    (server, provider)
}

/// Joins two sets of cookies.
pub fn both(one: &str, other: &str) -> String {
    [one, other].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("; ")
}

impl Server {
    /// Starts a sign-in. Returns the provider's URL and the flow cookie.
    pub async fn start_flow(&self, path: &str, cookies: &str) -> (String, String) {
        let redirect = self.get(path).browser().with(cookies).send().await;
        assert_eq!(redirect.status, 303, "{}", redirect.text());
        (redirect.header("location").to_owned(), redirect.cookies())
    }

    /// Goes through a whole sign-in and returns the response of the callback.
    pub async fn sign_in_by_provider(
        &self,
        provider: &Provider,
        subject: &str,
        path: &str,
        cookies: &str,
    ) -> TestResponse {
        let (link, flow) = self.start_flow(path, cookies).await;
        let query = provider.consent(&link, subject);
        let slug = path.trim_start_matches("/auth/").split(['?', '/']).next().expect("a provider");
        self.send_callback(slug, &query, provider, &both(cookies, &flow)).await
    }

    pub async fn send_callback(
        &self,
        slug: &str,
        query: &str,
        provider: &Provider,
        cookies: &str,
    ) -> TestResponse {
        let iss = if slug == "sso" { format!("&iss={}", provider.url()) } else { String::new() };
        self.get(&format!("/auth/{slug}/callback?{query}{iss}")).browser().with(cookies).send().await
    }
}
