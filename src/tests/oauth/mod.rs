//! Identity providers: signing in, new accounts, linking. The provider is one of ours in the process, so that it can be
//! as bad as it likes; a real one is met in the browser.

mod accounts;
mod answers;
mod linking;
pub mod provider;

use provider::{CLIENT, Provider, SECRET};

use super::harness::{Server, TestResponse};
use crate::platform::db::Engine;

/// A server with the provider as its own, and as its GitHub.
pub async fn server(engine: Engine, more: &[(&str, &str)]) -> (Server, Provider) {
    let provider = Provider::start().await;
    let (url, hub) = (provider.url(), provider.hub());
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
    provider.follow(&server.clock);
    (server, provider)
}

/// Two lots of cookies as one browser has them.
pub fn both(one: &str, other: &str) -> String {
    [one, other].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("; ")
}

impl Server {
    /// Follows the button: where it leads, and the cookie that remembers it.
    pub async fn leave_for(&self, path: &str, cookies: &str) -> (String, String) {
        let away = self.get(path).browser().with(cookies).send().await;
        assert_eq!(away.status, 303, "{}", away.text());
        (away.header("location").to_owned(), away.cookies())
    }

    /// There and back: what the callback says.
    pub async fn by_provider(
        &self,
        provider: &Provider,
        subject: &str,
        path: &str,
        cookies: &str,
    ) -> TestResponse {
        let (link, flow) = self.leave_for(path, cookies).await;
        let query = provider.consent(&link, subject);
        let slug = path.trim_start_matches("/auth/").split(['?', '/']).next().expect("a provider");
        self.come_back(slug, &query, provider, &both(cookies, &flow)).await
    }

    pub async fn come_back(
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
