//! `authorize` with a query that has a mistake, and the default kinds of both checks.

use macro_rules_attribute::apply;

use super::super::log::Log;
use super::*;
use crate::platform::db::Engine;

#[apply(on_both_engines!)]
async fn a_mistake_in_the_query_refuses_everybody_and_is_named(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.actor(Persona::Owner).await;
    let key = server.key(&owner, "good").await.plaintext;
    let org = owner.org.org.to_string();
    for (query, names) in [
        ("", "\"org\""),
        ("?org=", "\"org\""),
        ("?org=ORG&rol=owner", "\"rol\""),
        ("?org=ORG&ROLE=owner", "\"ROLE\""),
        ("?org=ORG&r%6Fl=owner", "\"rol\""),
        ("?org=ORG&=", "\"\""),
        ("?org=ORG&role=owner&role=viewer", "\"role\""),
        ("?org=ORG&role=owner&%72ole=viewer", "\"role\""),
        ("?org=ORG&org=ORG", "\"org\""),
        ("?org=ORG&kind=live&kind=test", "\"kind\""),
        ("?org=ORG&role=", "\"role\""),
        ("?org=ORG&kind=", "\"kind\""),
    ] {
        let path = format!("/api/v1/authorize{}", query.replace("ORG", &org));
        for call in [server.get(&path).key(&key), server.get(&path)] {
            let response = call.send().await;
            refused(&response, 403, "Not allowed");
            let detail = response.json()["detail"].as_str().expect("a detail").to_owned();
            assert!(detail.contains(names), "{query}: {detail}");
        }
    }
    for query in ["?org=ORG", "?%6Frg=ORG&role=%6Dember", "?org=ORG&&kind=live,%20mcp&"] {
        let path = format!("/api/v1/authorize{}", query.replace("ORG", &org));
        let response = server.get(&path).key(&key).send().await;
        assert_eq!(response.status, 200, "{query}: {}", response.text());
    }
}

#[apply(on_both_engines!)]
async fn any_method_is_accepted_and_a_path_below_carries_the_parameters(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.actor(Persona::Owner).await;
    let key = server.key(&owner, "good").await.plaintext;
    let org = owner.org.org;
    let ask = async |method: &str, address: String, key: &Secret| {
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        server.call(method, &format!("/api/v1/authorize{address}")).key(key).send().await
    };
    let wrong = Secret::new(format!("{}0", key.expose()));
    for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"] {
        for address in [format!("?org={org}"), format!("/org={org}&role=viewer/orders/17?page=2&role=owner")]
        {
            assert_eq!(ask(method, address.clone(), &key).await.status, 200, "{method} {address}");
            assert_eq!(ask(method, address.clone(), &wrong).await.status, 401, "{method} {address}");
        }
    }
    // The query of the original request changes nothing, and neither does anything after the first segment.
    let address = format!("/org={org}&role=owner&kind=test/?org={org}&kind=live/role=viewer");
    assert_eq!(ask("GET", address, &key).await.status, 403);
    for address in ["/".to_owned(), format!("/?org={org}"), format!("//org={org}")] {
        refused(&ask("GET", address, &key).await, 403, "Not allowed");
    }
    assert_eq!(ask("GET", format!("s?org={org}"), &key).await.status, 404);
}

#[apply(on_both_engines!)]
async fn a_wrong_query_is_logged_once_a_minute_for_each_sort_of_mistake(engine: Engine) {
    let server = Server::on(engine).await;
    let log = Log::collect();
    let ask = async |query: &str| drop(server.get(&format!("/api/v1/authorize?{query}")).send().await);
    for number in 0..500 {
        ask(&format!("rol{number}=owner")).await;
    }
    let lines = log.take();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(
        lines[0].contains("ERROR") && lines[0].contains("requests=1") && lines[0].contains("\"rol0\""),
        "{lines:?}"
    );
    for _ in 0..3 {
        ask("role=owner").await;
        ask("org=x").await;
    }
    assert_eq!(log.take().len(), 2, "other mistakes have lines of their own");
    server.clock.advance(Duration::from_secs(60));
    ask(&format!("%1b[31m%0a{}=x", "long".repeat(2_000))).await;
    let lines = log.take();
    assert!(lines.len() == 1 && lines[0].contains("requests=500"), "{lines:?}");
    assert!(lines[0].len() < 300 && !lines[0].contains('\u{1b}'), "{lines:?}");
}

#[apply(on_both_engines!)]
async fn test_keys_are_refused_unless_the_check_names_them(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.actor(Persona::Owner).await;
    let service = server.key_of(Persona::Viewer).await;
    let of_kind = async |kind: Kind| {
        let created = keys::create(&server.app, &owner, &Draft { kind, ..draft(kind.as_str()) }, None).await;
        created.expect("a key").plaintext
    };
    for kind in Kind::ALL {
        let key = of_kind(kind).await;
        let code = if kind == Kind::Test { "kind_not_allowed" } else { "valid" };
        for (kinds, expected) in [
            (None, code),
            (
                Some(json!(["test", "live"])),
                if [Kind::Test, Kind::Live].contains(&kind) { "valid" } else { "kind_not_allowed" },
            ),
        ] {
            let mut body = json!({ "key": key.expose() });
            let mut query = format!("?org={}", owner.org.org);
            if let Some(kinds) = kinds {
                body["kinds"] = kinds;
                query += "&kind=test,live";
            }
            let verified = server.post("/api/v1/keys/verify").key(&service).json(&body).send().await;
            assert_eq!(verified.json()["code"], expected, "{kind} {body}");
            let authorized = server.get(&format!("/api/v1/authorize{query}")).key(&key).send().await;
            assert_eq!(authorized.status == 200, expected == "valid", "{kind} {query}");
        }
    }
}
