//! Apps that describe themselves at their address: what is fetched, for whom, how often, and what is refused.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use macro_rules_attribute::apply;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::{CALLBACK, Tokens, challenge, request};
use crate::oauth::server::ClientDocuments;
use crate::platform::db::Engine;
use crate::platform::outbound::{NameResolver, Resolution};
use crate::tests::harness::{Server, TestResponse, on_both_engines};
use crate::tests::personas::Persona;
use crate::usage::Outcome;

const LOCAL: &[(&str, &str)] =
    &[("LATCHKEY_OAUTH_CLIENT_TARGETS", "127.0.0.0/8"), ("LATCHKEY_KEY_HASH_COST", "1")];

/// How the site responds after the head of its response.
#[derive(Clone)]
enum Body {
    Text(String),
    /// Spaces without an end.
    Endless,
    /// Nothing, and the connection stays open.
    Silent,
}

/// A site that has the document of an app.
struct Site {
    address: SocketAddr,
    requests: Arc<AtomicUsize>,
    response: Arc<Mutex<(String, Body)>>,
}

impl Site {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let requests = Arc::new(AtomicUsize::new(0));
        let response = Arc::new(Mutex::new((String::new(), Body::Silent)));
        let site = Self { address, requests: Arc::clone(&requests), response: Arc::clone(&response) };
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (requests, response) = (Arc::clone(&requests), Arc::clone(&response));
                tokio::spawn(async move {
                    let mut head = Vec::new();
                    while !head.ends_with(b"\r\n\r\n") {
                        let Ok(byte) = stream.read_u8().await else { return };
                        head.push(byte);
                    }
                    requests.fetch_add(1, Ordering::SeqCst);
                    let (head, body) = response.lock().expect("a lock").clone();
                    let _ = stream.write_all(head.as_bytes()).await;
                    match body {
                        Body::Text(text) => drop(stream.write_all(text.as_bytes()).await),
                        Body::Endless => while stream.write_all(&[b' '; 65_536]).await.is_ok() {},
                        Body::Silent => std::future::pending().await,
                    }
                });
            }
        });
        site
    }

    fn id(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }

    fn respond(&self, status: u16, headers: &str, body: Body) {
        let length = match &body {
            Body::Text(text) => text.len(),
            Body::Endless | Body::Silent => 1 << 30,
        };
        let head = format!(
            "HTTP/1.1 {status} Status\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\
             connection: close\r\n{headers}\r\n"
        );
        *self.response.lock().expect("a lock") = (head, body);
    }

    fn describe(&self, id: &str, headers: &str) {
        let body = json!({
            "client_id": id,
            "client_name": "Routewise",
            "redirect_uris": ["http://127.0.0.1/callback", "https://app.example/callback"],
            "token_endpoint_auth_method": "none",
            "logo_uri": self.id("/logo.png"),
        });
        self.respond(200, headers, Body::Text(body.to_string()));
    }
}

async fn see(server: &Server, cookies: &str, id: &str) -> TestResponse {
    let challenge = challenge();
    server.authorize_page(cookies, &request(id, &challenge, &[])).await
}

#[apply(on_both_engines!)]
async fn an_app_is_known_by_its_document(engine: Engine) {
    let server = Server::with(engine, LOCAL).await;
    let site = Site::start().await;
    let id = site.id("/client.json");
    site.describe(&id, "");
    // Nothing is fetched for strangers.
    let challenge = challenge();
    let stranger = server.authorize_page("", &request(&id, &challenge, &[])).await;
    assert_eq!((stranger.status.as_u16(), site.requests()), (303, 0));
    let cookies = server.sign_in_as(Persona::Member).await;
    let page = see(&server, &cookies, &id).await.text();
    assert!(
        page.contains("Let Routewise connect?") && page.contains("Its name comes from this site."),
        "{page}"
    );
    assert!(page.contains(&site.address.to_string()) && !page.contains("logo.png"));
    let code = server.approved_code(&cookies, &id, &[]).await;
    let tokens = Tokens::of(&server.redeem_code(&id, &code, &[]).await);
    assert_eq!(server.check_at_mcp(&tokens.access).await, Outcome::Valid);
    let other = request(&id, &challenge, &[("redirect_uri", "https://x.example/")]);
    assert_eq!(server.authorize_page(&cookies, &other).await.status, 400);
    assert_eq!(site.requests(), 1, "the document is cached, and the logo is never fetched");
}

#[apply(on_both_engines!)]
async fn documents_and_failures_are_cached_within_limits(engine: Engine) {
    let server = Server::with(engine, LOCAL).await;
    let cookies = server.sign_in_as(Persona::Member).await;
    let site = Site::start().await;
    let id = site.id("/client.json");
    site.respond(404, "cache-control: max-age=1\r\n", Body::Text(String::new()));
    assert_eq!(see(&server, &cookies, &id).await.status, 400);
    site.describe(&id, "cache-control: max-age=3600\r\n");
    server.clock.advance(Duration::from_secs(299));
    assert_eq!((see(&server, &cookies, &id).await.status.as_u16(), site.requests()), (400, 1));
    server.clock.advance(Duration::from_secs(1));
    assert_eq!((see(&server, &cookies, &id).await.status.as_u16(), site.requests()), (200, 2));
    server.clock.advance(Duration::from_secs(3_599));
    see(&server, &cookies, &id).await;
    assert_eq!(site.requests(), 2);
    server.clock.advance(Duration::from_secs(1));
    see(&server, &cookies, &id).await;
    assert_eq!(site.requests(), 3);
}

#[apply(on_both_engines!)]
async fn fetching_is_limited_by_person(engine: Engine) {
    let server = Server::with(engine, LOCAL).await;
    let (one, two) = (server.sign_in_as(Persona::Member).await, server.sign_in_as(Persona::Admin).await);
    let site = Site::start().await;
    site.respond(404, "", Body::Text(String::new()));
    for number in 0..10 {
        assert_eq!(see(&server, &one, &site.id(&format!("/{number}"))).await.status, 400);
    }
    let refused = see(&server, &one, &site.id("/ten")).await;
    assert_eq!((refused.status.as_u16(), refused.header("retry-after")), (429, "60"));
    assert_eq!(see(&server, &two, &site.id("/ten")).await.status, 429, "the host is limited too");
    let elsewhere = Site::start().await;
    elsewhere.respond(404, "", Body::Text(String::new()));
    assert_eq!(see(&server, &two, &elsewhere.id("/one")).await.status, 400);
    assert_eq!(site.requests(), 10);
    server.clock.advance(Duration::from_secs(60));
    assert_eq!(see(&server, &one, &site.id("/ten")).await.status, 400);
}

#[apply(on_both_engines!)]
async fn unusable_documents_are_refused_with_a_reason(engine: Engine) {
    let server = Server::with(engine, LOCAL).await;
    let cookies = server.sign_in_as(Persona::Member).await;
    let site = Site::start().await;
    let elsewhere = Site::start().await;
    let redirect = format!("location: {}\r\n", elsewhere.id("/client.json"));
    let mut number = 0;
    for (status, headers, body, part) in [
        (200, "", Body::Endless, "longer than 5 KiB"),
        (200, "", Body::Text("{".to_owned()), "not the description"),
        (200, "", Body::Text("\0".repeat(100)), "not the description"),
        (301, redirect.as_str(), Body::Text(String::new()), "status 301"),
        (500, "", Body::Text(String::new()), "status 500"),
    ] {
        number += 1;
        site.respond(status, headers, body);
        let page = see(&server, &cookies, &site.id(&format!("/{number}"))).await;
        assert!(page.status == 400 && page.text().contains(part), "{part}: {}", page.text());
    }
    site.describe(&site.id("/other.json"), "");
    let page = see(&server, &cookies, &site.id("/client.json")).await;
    assert!(page.status == 400 && page.text().contains("describes another app"), "{}", page.text());
    assert_eq!(elsewhere.requests(), 0, "redirects are not followed");
}

/// Takes three seconds: the time limit is one of the real clock.
#[apply(on_both_engines!)]
async fn a_silent_site_is_given_up(engine: Engine) {
    let server = Server::with(engine, LOCAL).await;
    let cookies = server.sign_in_as(Persona::Member).await;
    let site = Site::start().await;
    *site.response.lock().expect("a lock") = (String::new(), Body::Silent);
    let page = see(&server, &cookies, &site.id("/client.json")).await;
    assert!(page.status == 400 && page.text().contains("No answer within 3s"), "{}", page.text());
}

/// Resolves every name to one address.
struct OneAddress(SocketAddr);

impl NameResolver for OneAddress {
    fn resolve<'a>(&'a self, _: &'a str, port: u16) -> Resolution<'a> {
        let address = SocketAddr::new(self.0.ip(), if self.0.port() == 0 { port } else { self.0.port() });
        Box::pin(async move { Ok(vec![address]) })
    }
}

#[apply(on_both_engines!)]
async fn addresses_inside_are_never_called(engine: Engine) {
    let site = Site::start().await;
    for inside in
        [site.address.to_string().as_str(), "169.254.169.254:0", "10.0.0.1:0", "[::ffff:127.0.0.1]:0"]
    {
        let server = Server::with(engine, &[("LATCHKEY_KEY_HASH_COST", "1")]).await;
        let resolver = OneAddress(inside.parse().expect("an address"));
        ClientDocuments::resolve_with(&server.app, Arc::new(resolver));
        let cookies = server.sign_in_as(Persona::Member).await;
        let page = see(&server, &cookies, "https://app.example/client.json").await;
        assert!(
            page.text().contains("network, which this server does not call"),
            "{inside}: {}",
            page.text()
        );
        for id in ["https://127.0.0.1/client", "https://[::1]/client", "http://app.example/client"] {
            assert_eq!(see(&server, &cookies, id).await.status, 400, "{id}");
        }
    }
    assert_eq!(site.requests(), 0);
    assert!(
        CALLBACK.starts_with("http://127.0.0.1"),
        "a redirect to the person's computer is another matter"
    );
}
