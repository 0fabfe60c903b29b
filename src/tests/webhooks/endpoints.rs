//! Endpoints as people and programs manage them.

use axum::http::Method;
use macro_rules_attribute::apply;
use serde_json::{Value, json};

use super::receiver::Receiver;
use super::{LOCAL, started, verify};
use crate::keys::server as keys;
use crate::platform::db::Engine;
use crate::tests::harness::{Server, on_both_engines};
use crate::tests::personas::Persona;

const DAY: std::time::Duration = std::time::Duration::from_secs(24 * 60 * 60);

#[apply(on_both_engines!)]
async fn the_signing_secret_is_shown_once_and_rotates_with_an_overlap(engine: Engine) {
    let (server, receiver) = started(engine).await;
    let admin = server.key_of(Persona::Admin).await;
    let created = server.add_webhook(&admin, &receiver.url("/"), &["key.*"]).await;
    assert_eq!((created.status.as_u16(), created.header("cache-control")), (201, "no-store"));
    let hook = created.json();
    let (id, secret) = (hook["id"].as_str().expect("an id"), hook["secret"].as_str().expect("a secret"));
    assert!(secret.starts_with("whsec_") && secret.len() == 50, "{secret}");
    let old = crate::platform::Secret::new(secret);
    let path = format!("/api/v1/webhooks/{id}");
    let rotated = server.post(&format!("{path}/rotate-secret")).key(&admin).json(&json!({})).send().await;
    assert_eq!((rotated.status.as_u16(), rotated.header("cache-control")), (200, "no-store"));
    let new = crate::platform::Secret::new(rotated.json()["secret"].as_str().expect("a secret"));
    assert!(rotated.json()["old_secret_valid_until"].is_string());
    // Both sign for a day, then the new one alone.
    let owner = server.actor(Persona::Owner).await;
    let key = server.key(&owner, "one").await.key.id;
    server.deliver().await;
    verify(&receiver.received()[0], &[&new, &old], server.clock.now());
    assert_eq!(receiver.received()[0].header("webhook-signature").split(' ').count(), 2);
    server.clock.advance(DAY);
    keys::revoke(&server.app, &owner, key).await.expect("it is revoked");
    server.deliver().await;
    verify(&receiver.received()[1], &[&new], server.clock.now());
    // Nowhere else.
    let cookies = server.sign_in_as(Persona::Owner).await;
    let mut texts = vec![server.everything().await];
    for path in [
        "/settings/webhooks".to_owned(),
        format!("/settings/webhooks/{id}"),
        "/settings/audit-log".to_owned(),
    ] {
        texts.push(server.get(&path).browser().with(&cookies).send().await.text());
    }
    for path in [
        "/api/v1/webhooks".to_owned(),
        path.clone(),
        format!("{path}/deliveries"),
        "/api/v1/audit".to_owned(),
    ] {
        texts.push(server.get(&path).key(&admin).send().await.text());
    }
    for text in texts {
        assert!(
            !text.contains(old.expose()) && !text.contains(new.expose()) && !text.contains("whsec_M"),
            "{text}"
        );
    }
    assert_eq!(server.call(Method::DELETE, &path).key(&admin).send().await.status, 204);
    let left = "SELECT COUNT(*) FROM webhook_endpoints WHERE secret <> '' OR previous_secret IS NOT NULL";
    assert_eq!(server.count(left).await, 0);
}

#[apply(on_both_engines!)]
async fn wrong_values_are_explained_by_field(engine: Engine) {
    let (server, receiver) = started(engine).await;
    let admin = server.key_of(Persona::Admin).await;
    let fine = receiver.url("/");
    server.webhook(&admin, &fine, &["*"]).await;
    let long = format!("https://hooks.example/{}", "x".repeat(2_048));
    let token = server.key(&server.actor(Persona::Owner).await, "one").await.plaintext;
    let with_token = format!("https://hooks.example/?key={}", token.expose());
    let spaces = format!("https://93.184.216.34/{}", " ".repeat(1_000));
    for (body, field) in [
        (json!({ "url": "", "events": ["*"] }), "url"),
        (json!({ "url": "hooks.example", "events": ["*"] }), "url"),
        (json!({ "url": "ftp://hooks.example/", "events": ["*"] }), "url"),
        (json!({ "url": "http://93.184.216.34/", "events": ["*"] }), "url"),
        (json!({ "url": "https://user:pass@93.184.216.34/", "events": ["*"] }), "url"),
        (json!({ "url": "https://10.0.0.1/", "events": ["*"] }), "url"),
        (json!({ "url": "https://93.184.216.34/a\0b", "events": ["*"] }), "url"),
        (json!({ "url": long, "events": ["*"] }), "url"),
        (json!({ "url": spaces.trim_end().to_owned() + "x" + &"ä".repeat(1_000), "events": ["*"] }), "url"),
        (json!({ "url": with_token, "events": ["*"] }), "url"),
        (json!({ "url": fine, "events": ["*"] }), "url"),
        (json!({ "url": receiver.url("/2"), "events": [] }), "events"),
        (json!({ "url": receiver.url("/2"), "events": ["key.painted"] }), "events"),
        (json!({ "url": receiver.url("/2"), "events": ["key\0"] }), "events"),
        (
            json!({ "url": receiver.url("/2"), "events": ["*"], "description": "x".repeat(201) }),
            "description",
        ),
        (json!({ "url": receiver.url("/2"), "events": ["*"], "description": "a\0b" }), "description"),
    ] {
        let response = server.post("/api/v1/webhooks").key(&admin).json(&body).send().await;
        assert_eq!(response.status, 422, "{body}: {}", response.text());
        assert_eq!(response.json()["errors"][0]["field"], field, "{body}: {}", response.text());
    }
    assert_eq!(server.count("SELECT COUNT(*) FROM webhook_endpoints").await, 1);
}

#[apply(on_both_engines!)]
async fn an_organization_has_at_most_twenty(engine: Engine) {
    let (server, receiver) = started(engine).await;
    let admin = server.key_of(Persona::Admin).await;
    for number in 0..20 {
        server.webhook(&admin, &receiver.url(&format!("/{number}")), &["*"]).await;
    }
    let refused = server.add_webhook(&admin, &receiver.url("/21"), &["*"]).await;
    assert_eq!(refused.status, 409, "{}", refused.text());
    let cookies = server.sign_in_as(Persona::Owner).await;
    let fields = [("url", receiver.url("/21")), ("events", "*".to_owned())];
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let page = server.submit(&cookies, "/settings/webhooks/new", &fields).await;
    assert_eq!(page.status, 422);
    assert!(page.text().contains("at most 20"), "{}", page.text());
    // Removing one makes room.
    let first = server.get("/api/v1/webhooks").key(&admin).send().await.json()["data"][0]["id"].clone();
    let path = format!("/api/v1/webhooks/{}", first.as_str().expect("an id"));
    assert_eq!(server.call(Method::DELETE, &path).key(&admin).send().await.status, 204);
    server.webhook(&admin, &receiver.url("/0"), &["*"]).await;
}

#[apply(on_both_engines!)]
async fn webhooks_of_others_do_not_exist(engine: Engine) {
    let (server, receiver) = started(engine).await;
    let admin = server.key_of(Persona::Admin).await;
    let stranger = server.key_of(Persona::Stranger).await;
    let hook = server.webhook(&admin, &receiver.url("/"), &["*"]).await;
    let sent =
        server.post(&format!("/api/v1/webhooks/{}/test", hook.id)).key(&admin).json(&json!({})).send().await;
    assert_eq!(sent.status, 202, "{}", sent.text());
    let delivery = sent.json()["id"].as_str().expect("an id").to_owned();
    let before = server.everything().await;
    for id in [hook.id.to_string(), "nonsense".to_owned(), "%00".to_owned()] {
        let path = format!("/api/v1/webhooks/{id}");
        let calls: [(Method, String, Value); 6] = [
            (Method::GET, path.clone(), json!({})),
            (Method::PATCH, path.clone(), json!({ "description": "mine" })),
            (Method::DELETE, path.clone(), json!({})),
            (Method::POST, format!("{path}/rotate-secret"), json!({})),
            (Method::POST, format!("{path}/test"), json!({})),
            (Method::GET, format!("{path}/deliveries"), json!({})),
        ];
        for (method, path, body) in calls {
            let response = server.call(method.clone(), &path).key(&stranger).json(&body).send().await;
            assert_eq!(response.status, 404, "{method} {path}: {}", response.text());
        }
    }
    for id in [delivery.as_str(), "nonsense"] {
        let path = format!("/api/v1/webhooks/deliveries/{id}/resend");
        assert_eq!(server.post(&path).key(&stranger).json(&json!({})).send().await.status, 404);
    }
    assert!(server.get("/api/v1/webhooks").key(&stranger).send().await.json()["data"] == json!([]));
    assert_eq!(server.everything().await, before);
}

#[apply(on_both_engines!)]
async fn admins_manage_webhooks_on_pages(engine: Engine) {
    let (server, receiver) = started(engine).await;
    let cookies = server.sign_in_as(Persona::Admin).await;
    let page = async |path: &str| {
        let response = server.get(path).browser().with(&cookies).send().await;
        assert_eq!(response.status, 200, "{path}");
        response.text()
    };
    assert!(page("/settings/webhooks").await.contains("No webhooks yet"));
    let wrong = server.submit(&cookies, "/settings/webhooks/new", &[("url", "https://10.0.0.1/x")]).await;
    assert_eq!(wrong.status, 422);
    for part in ["value=\"https://10.0.0.1/x\"", "does not call", "Choose at least one event."] {
        assert!(wrong.text().contains(part), "{part}: {}", wrong.text());
    }
    let url = receiver.url("/latchkey");
    let fields = [
        ("url", url.as_str()),
        ("events", "key.created"),
        ("events", "member.*"),
        ("description", "Our <SIEM>"),
    ];
    let made = server.submit(&cookies, "/settings/webhooks/new", &fields).await;
    assert_eq!((made.status.as_u16(), made.header("cache-control")), (200, "no-store"));
    assert!(made.text().contains("whsec_") && made.text().contains("only time"), "{}", made.text());
    let admin = server.key_of(Persona::Admin).await;
    let id = server.get("/api/v1/webhooks").key(&admin).send().await.json()["data"][0]["id"].clone();
    let path = format!("/settings/webhooks/{}", id.as_str().expect("an id"));
    let list = page("/settings/webhooks").await;
    for part in ["Our &lt;SIEM&gt;", "key.created, Every member event", &path] {
        assert!(list.contains(part), "{part}: {list}");
    }
    assert_eq!(server.submit(&cookies, &format!("{path}/test"), &[]).await.status, 303);
    receiver.always(super::receiver::Reply::Text(500, "<script>alert(1)</script>"));
    server.deliver().await;
    let shown = page(&path).await;
    for part in [
        "webhook.test",
        "500, attempt 1",
        "&lt;script&gt;",
        "Try now",
        "This is a test event.",
        "began to fail",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    assert!(!shown.contains("whsec_M") && !shown.contains("<script>alert"));
    assert!(page(&format!("{path}?state=waiting")).await.contains("webhook.test"));
    assert!(page(&format!("{path}?state=delivered")).await.contains("No such deliveries"));
    page(&format!("{path}?state=nonsense&before=nonsense")).await;
    let edit = page(&format!("{path}/edit")).await;
    assert!(edit.contains("value=\"member.*\" checked"), "{edit}");
    let fields = [("url", url.as_str()), ("events", "*")];
    assert_eq!(server.submit(&cookies, &format!("{path}/edit"), &fields).await.status, 303);
    assert!(page(&path).await.contains("Every event"));
    let rotated = server.submit(&cookies, &format!("{path}/rotate-secret"), &[]).await;
    assert!(rotated.status == 200 && rotated.text().contains("whsec_"));
    assert_eq!(server.submit(&cookies, &format!("{path}/turn-off"), &[]).await.status, 303);
    assert!(page(&path).await.contains("was turned off on"));
    assert_eq!(server.submit(&cookies, &format!("{path}/turn-off"), &[]).await.status, 303);
    assert!(page(&path).await.contains("already off"));
    assert_eq!(server.submit(&cookies, &format!("{path}/turn-on"), &[]).await.status, 303);
    assert_eq!(server.submit(&cookies, &format!("{path}/remove"), &[]).await.status, 422);
    assert_eq!(server.submit(&cookies, &format!("{path}/remove"), &[("confirm", "on")]).await.status, 303);
    assert_eq!(server.get(&path).browser().with(&cookies).send().await.status, 404);
    let audited = server.audited().await;
    for action in ["created", "tested", "changed", "secret_rotated", "turned_off", "turned_on", "removed"] {
        assert!(audited.contains(&format!("webhook.{action}")), "{action}: {audited:?}");
    }
}

#[apply(on_both_engines!)]
async fn a_page_of_deliveries_leads_to_the_older_ones(engine: Engine) {
    let (server, receiver) = started(engine).await;
    let admin = server.key_of(Persona::Admin).await;
    let hook = server.webhook(&admin, &receiver.url("/"), &["*"]).await;
    let owner = server.actor(Persona::Owner).await;
    for number in 0..60 {
        server.key(&owner, &format!("key {number}")).await;
    }
    let cookies = server.sign_in_as(Persona::Owner).await;
    let mut path = format!("/settings/webhooks/{}", hook.id);
    let mut pages = Vec::new();
    loop {
        let page = server.get(&path).browser().with(&cookies).send().await.text();
        pages.push(page.matches("<details class=\"openrow\"").count());
        let Some((_, next)) = page.split_once("?before=") else { break };
        path = format!("/settings/webhooks/{}?before={}", hook.id, next.split('"').next().expect("a link"));
    }
    assert_eq!(pages, [25, 25, 10]);
    let mut cursor = String::new();
    let mut seen = 0;
    loop {
        let path = format!("/api/v1/webhooks/{}/deliveries?limit=25{cursor}", hook.id);
        let list = server.get(&path).key(&admin).send().await.json();
        seen += list["data"].as_array().expect("a list").len();
        let Some(next) = list["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(seen, 60);
}

/// A deleted organization sends nothing.
#[apply(on_both_engines!)]
async fn webhooks_end_with_their_organization(engine: Engine) {
    let server = Server::with(engine, LOCAL).await;
    let receiver = Receiver::start().await;
    let admin = server.key_of(Persona::Admin).await;
    server.webhook(&admin, &receiver.url("/"), &["*"]).await;
    let cookies = server.sign_in_as(Persona::Owner).await;
    let owner = server.person(&Persona::Owner.email(), "Owner", None).await;
    server.clock.advance(std::time::Duration::from_secs(1));
    server.join(&owner, "Second", crate::shared::Role::Owner).await;
    let fields = [("name", "Tidewater Freight"), ("keys", "on")];
    assert_eq!(server.submit(&cookies, "/settings/organization/delete", &fields).await.status, 303);
    server.deliver().await;
    assert!(receiver.received().is_empty());
    assert_eq!(server.count("SELECT COUNT(*) FROM webhook_endpoints WHERE removed_at IS NULL").await, 0);
}
