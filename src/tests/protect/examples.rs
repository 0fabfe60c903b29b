//! The examples, as the page shows them: requests are sent as they are written.

use axum::http::Method;
use macro_rules_attribute::apply;
use serde_json::json;

use super::example;
use crate::keys::server::{self as keys, CustomerDraft, Draft};
use crate::platform::db::Engine;
use crate::protect::server::SNIPPETS;
use crate::shared::Role;
use crate::tests::harness::{PUBLIC_URL, Server, TestResponse, on_both_engines};
use crate::tests::keys::draft;
use crate::tests::personas::Persona;

/// A request that an example describes.
#[derive(Debug, Default)]
struct DescribedRequest {
    method: String,
    address: String,
    headers: Vec<(String, String)>,
    body: String,
}

impl DescribedRequest {
    /// Of a curl command with -H, -d and an address, in the quoting of a shell.
    fn of_curl(command: &str) -> Self {
        let mut words = Vec::new();
        let mut word = String::new();
        let mut quote = None;
        for c in command.replace("\\\n", " ").chars() {
            match (quote, c) {
                (Some(open), c) if c == open => quote = None,
                (None, '\'' | '"') => quote = Some(c),
                (None, c) if c.is_whitespace() => {
                    words.extend(Some(std::mem::take(&mut word)).filter(|w| !w.is_empty()))
                }
                (_, c) => word.push(c),
            }
        }
        words.extend(Some(word).filter(|w| !w.is_empty()));
        let mut request = Self { method: "GET".to_owned(), ..Self::default() };
        let mut words = words.into_iter();
        assert_eq!(words.next().as_deref(), Some("curl"));
        while let Some(word) = words.next() {
            match word.as_str() {
                "-H" => {
                    let header = words.next().expect("a header");
                    let (name, value) = header.split_once(": ").expect("a colon");
                    request.headers.push((name.to_owned(), value.to_owned()));
                }
                "-d" => {
                    request.body = words.next().expect("a body");
                    "POST".clone_into(&mut request.method);
                }
                address => request.address = address.to_owned(),
            }
        }
        request
    }

    /// Of a request as it is sent.
    fn of_http(text: &str) -> Self {
        let (head, body) = text.split_once("\n\n").expect("an empty line");
        let mut lines = head.lines();
        let mut first = lines.next().expect("a line").split(' ');
        let method = first.next().expect("a method").to_owned();
        let path = first.next().expect("a path");
        let headers: Vec<_> = lines
            .map(|line| line.split_once(": ").expect("a colon"))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let host = headers.iter().find(|(name, _)| name == "Host").expect("a host").1.clone();
        let headers = headers.into_iter().filter(|(name, _)| name != "Host").collect();
        Self { method, address: format!("http://{host}{path}"), headers, body: body.trim_end().to_owned() }
    }

    async fn send(&self, server: &Server, service: &str, key: &str) -> TestResponse {
        let path = self.address.strip_prefix(PUBLIC_URL).expect("an address of this server");
        let mut call = server.call(Method::from_bytes(self.method.as_bytes()).expect("a method"), path);
        for (name, value) in &self.headers {
            call = call.header(
                name,
                &value.replace("$LATCHKEY_API_KEY", service).replace("LATCHKEY_API_KEY", service),
            );
        }
        call.body(self.body.replace("ak_live_…", key)).send().await
    }
}

#[apply(on_both_engines!)]
async fn the_requests_work_as_they_are_written(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.actor(Persona::Owner).await;
    let here = server.sign_in_as(Persona::Viewer).await;
    let service = server.key(&owner, "service").await.plaintext;
    let added =
        server.post("/api/v1/permissions").key(&service).json(&json!({ "name": "a.read" })).send().await;
    assert_eq!(added.status, 201, "{}", added.text());
    let customer = CustomerDraft { permissions: vec!["a.read".to_owned()], ..CustomerDraft::default() };
    let customer = Draft { role: Some(Role::None), customer, ..draft("customer") };
    let customer = keys::create(&server.app, &owner, &customer, None).await.expect("a key").plaintext;
    let plain = server.key(&owner, "plain").await.plaintext;
    for (way, parse) in [
        ("curl", DescribedRequest::of_curl as fn(&str) -> DescribedRequest),
        ("http", DescribedRequest::of_http),
    ] {
        for (query, key, code) in [
            ("", &plain, "valid"),
            ("", &customer, "role_too_low"),
            ("&permissions=a.read", &customer, "valid"),
            ("&permissions=a.read", &plain, "insufficient_permissions"),
        ] {
            let page = server.protect_page(&here, &format!("?for={way}{query}")).await;
            let request = parse(&example(&page));
            let response = request.send(&server, service.expose(), key.expose()).await;
            assert_eq!(response.status, 200, "{way}{query}: {request:?} {}", response.text());
            assert_eq!(response.json()["code"], code, "{way}{query}");
        }
    }
}

/// The lines with which the examples for proxies ask. `end2end/tests/protect.spec.ts` runs the whole configurations.
#[apply(on_both_engines!)]
async fn the_addresses_for_proxies_are_accepted(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.actor(Persona::Owner).await;
    let here = server.sign_in_as(Persona::Viewer).await;
    let key = server.key(&owner, "plain").await.plaintext;
    for name in ["a.read", "b.*"] {
        let added = server.post("/api/v1/permissions").key(&key).json(&json!({ "name": name })).send().await;
        assert_eq!(added.status, 201, "{}", added.text());
    }
    for (way, before, after) in [("nginx", "proxy_pass http://latchkey.test", ";"), ("caddy", "uri ", "\n")] {
        for (query, status, title) in
            [("", 200, ""), ("&permissions=a.read+or+(b.*+and+a.read)", 403, "Permission missing")]
        {
            let page = server.protect_page(&here, &format!("?for={way}{query}")).await;
            let text = example(&page);
            let (_, rest) = text.split_once(before).unwrap_or_else(|| panic!("{way}: {text}"));
            let path = rest.split(after).next().expect("an address");
            assert!(path.contains(&owner.org.org.to_string()), "{path}");
            let response = server.get(path).key(&key).send().await;
            assert_eq!(response.status, status, "{path}: {}", response.text());
            assert!(response.text().contains(title), "{path}");
        }
    }
}

#[apply(on_both_engines!)]
async fn every_example_has_a_tab_with_the_organization_and_the_address(engine: Engine) {
    let server = Server::on(engine).await;
    let here = server.sign_in_as(Persona::Viewer).await;
    let org = server.organization_of(Persona::Viewer).await.to_string();
    for snippet in &SNIPPETS {
        let page = server.protect_page(&here, &format!("?for={}", snippet.id)).await;
        let current = format!("href=\"/settings/protect?for={}\" aria-current=\"true\"", snippet.id);
        assert!(page.contains(&current), "{}", snippet.id);
        assert!(page.contains(&org) && page.contains(PUBLIC_URL));
        for other in &SNIPPETS {
            assert!(page.contains(&format!("href=\"/settings/protect?for={}\"", other.id)), "{}", other.id);
        }
        let text = example(&page);
        assert!(text.contains("latchkey.test") && !text.contains("127.0.0.1"), "{}: {text}", snippet.id);
    }
}
