//! `armoriq register`, the response of `bootstrap`, and the page of agents.

use macro_rules_attribute::apply;

use super::*;
use crate::accounts::server::set_enabled;
use crate::platform::db::Engine;

const SECRETS: [&str; 5] =
    ["l1teral-api-key", "b3arer-token", "serv3r-key", "passw0rd-in-url", "qu3ry-secret"];

fn config(agent: &str, allow: &[&str]) -> Value {
    let [api_key, token, server_key, password, query] = SECRETS;
    json!({
        "version": "v1",
        "identity": { "api_key": format!("ak_live_{api_key}"), "user_id": "default", "agent_id": agent },
        "environment": "sandbox",
        "proxy": { "url": format!("http://u:{password}@127.0.0.1:3000"), "timeout": 30, "max_retries": 3 },
        "mcp_servers": [
            { "id": "weather-mcp", "url": "http://127.0.0.1:9/mcp", "auth": "none", "description": "Tells the weather" },
            { "id": "mail", "url": format!("https://user:{password}@mail.example/mcp?key={query}"), "auth": { "type": "bearer", "token": token } },
            { "id": "notes", "url": "https://notes.example/mcp", "auth": { "type": "api_key", "api_key": server_key } },
            { "id": "home", "url": "https://home.example/${HOME}", "auth": { "type": "bearer", "token": "$HOME" } },
        ],
        "policy": { "allow": allow, "deny": ["mail.send"] },
        "intent": { "ttl_seconds": 300, "require_csrg": true },
    })
}

impl Server {
    /// Registers as the command line does, with a bearer token only.
    async fn register(&self, key: &Secret, body: &Value) -> TestResponse {
        self.post("/iap/sdk/register").key(key).json(body).send().await
    }
}

#[apply(on_both_engines!)]
async fn registering_an_agent_again_replaces_it(engine: Engine) {
    let server = Server::on(engine).await;
    let key = server.key_of(Persona::Member).await;
    let first = without_null(&server.register(&key, &config("my-agent", &["weather-mcp.get_weather"])).await);
    assert_eq!((first["agent_id"].as_str(), first["proxy_endpoint"].is_null()), (Some("my-agent"), true));
    server.clock.advance(std::time::Duration::from_secs(60));
    let mut smaller = config("my-agent", &[]);
    smaller["mcp_servers"] = json!([{ "id": "only", "url": "http://127.0.0.1:9/" }]);
    smaller["environment"] = json!("production");
    let again = without_null(&server.register(&key, &smaller).await);
    assert_eq!(again["id"], first["id"]);
    assert_eq!(server.count("SELECT count(*) FROM agents").await, 1);
    assert_eq!(server.count("SELECT count(*) FROM agent_servers").await, 1);
    let actions = server.audited().await;
    assert_eq!(&actions[actions.len() - 2..], ["agent.registered", "agent.registered"]);

    let cookies = server.sign_in_as(Persona::Viewer).await;
    let list = server.get("/settings/agents").browser().with(&cookies).send().await.text();
    assert!(
        list.contains("my-agent") && list.contains("Production") && list.contains("0 allowed, 1 denied"),
        "{list}"
    );
    let one = server
        .get(&format!("/settings/agents/{}", first["id"].as_str().expect("an id")))
        .browser()
        .with(&cookies)
        .send()
        .await;
    assert_eq!(one.status, 200);
    assert!(one.text().contains("mail.send") && one.text().contains("First registered"));
    let stranger = server.sign_in_as(Persona::Stranger).await;
    let elsewhere = server.get("/settings/agents").browser().with(&stranger).send().await.text();
    assert!(elsewhere.contains("No agents yet") && !elsewhere.contains("my-agent"));
    assert_eq!(
        server
            .get(&format!("/settings/agents/{}", first["id"].as_str().expect("an id")))
            .browser()
            .with(&stranger)
            .send()
            .await
            .status,
        404
    );
}

/// Neither the key in the file, nor credentials of MCP servers, nor variables of this server's environment.
#[apply(on_both_engines!)]
async fn no_secret_of_a_registration_is_stored(engine: Engine) {
    let server = Server::on(engine).await;
    let key = server.key_of(Persona::Owner).await;
    let response = server.register(&key, &config("my-agent", &["mail.read"])).await;
    without_null(&response);
    let all = server.everything().await;
    let home = std::env::var("HOME").unwrap_or_else(|_| "/root".to_owned());
    let bootstrap = server.post("/iap/sdk/bootstrap").x_key(&key).json(&json!({})).send().await.text();
    let cookies = server.sign_in_as(Persona::Owner).await;
    let id = response.json()["id"].as_str().expect("an id").to_owned();
    let page = server.get(&format!("/settings/agents/{id}")).browser().with(&cookies).send().await.text();
    for secret in SECRETS.into_iter().chain(["$HOME", &format!("https://home.example{home}")]) {
        for text in [&all, &response.text(), &bootstrap, &page] {
            assert!(!text.contains(secret), "{secret} is in {text}");
        }
    }
    assert!(
        all.contains("https://mail.example/mcp") && all.contains("https://home.example/$%7BHOME%7D"),
        "the rest is stored as it was sent"
    );
    sqlx::query("UPDATE agents SET user_id = $1")
        .bind(SECRETS[0])
        .execute(server.app.db.pool())
        .await
        .expect("planted");
    assert!(server.everything().await.contains(SECRETS[0]), "the search finds a planted secret");
}

#[apply(on_both_engines!)]
async fn invalid_registrations_are_refused_with_a_reason(engine: Engine) {
    let server = Server::on(engine).await;
    let key = server.key_of(Persona::Member).await;
    let state_before = server.everything().await;
    let with = |path: &str, value: Value| {
        let mut body = config("my-agent", &[]);
        *body.pointer_mut(path).expect("a field") = value;
        body
    };
    for (body, part) in [
        (json!([]), "must be an object"),
        (json!({}), "identity is missing"),
        (with("/identity/agent_id", json!("")), "identity.agent_id"),
        (with("/identity/agent_id", json!(7)), "identity.agent_id must be a string"),
        (with("/identity/agent_id", json!("a\u{0}b")), "invisible characters"),
        (with("/identity/user_id", json!("x".repeat(201))), "identity.user_id"),
        (with("/environment", json!("moon")), "environment"),
        (with("/version", json!("v2")), "version"),
        (with("/mcp_servers", json!("none")), "mcp_servers must be a list"),
        (with("/mcp_servers/1/id", json!("weather-mcp")), "mcp_servers[1].id"),
        (with("/mcp_servers/0/url", json!("javascript:alert(1)")), "mcp_servers[0].url"),
        (with("/mcp_servers/0/auth", json!("basic")), "mcp_servers[0].auth"),
        (with("/policy/allow", json!([7])), "policy.allow"),
        (with("/policy/deny", json!(vec!["a.b"; 1_001])), "policy.deny"),
    ] {
        let why = refused(&server.register(&key, &body).await, 422);
        assert!(why.contains(part), "{why}");
        assert!(SECRETS.iter().all(|secret| !why.contains(secret)), "{why}");
    }
    let huge = format!("{{\"identity\":{{\"agent_id\":\"{}\"}}}}", "x".repeat(1024 * 1024));
    for (body, kind, status) in [
        (huge.as_str(), "application/json", 413),
        ("{", "application/json", 400),
        ("a=b", "application/x-www-form-urlencoded", 415),
        ("{}", "", 415),
    ] {
        refused(
            &server
                .post("/iap/sdk/register")
                .key(&key)
                .header("content-type", kind)
                .body(body.to_owned())
                .send()
                .await,
            status,
        );
    }
    assert_eq!(server.everything().await, state_before);
}

/// A member cannot change the policy of another person's agent, and a viewer's key cannot register any.
const CONFIRMED: &[(&str, &str)] = &[("confirmed", "yes")];

#[apply(on_both_engines!)]
async fn only_the_first_registrant_or_an_admin_registers_an_agent_again(engine: Engine) {
    let server = Server::on(engine).await;
    let (admin, member, viewer) = (
        server.key_of(Persona::Admin).await,
        server.key_of(Persona::Member).await,
        server.key_of(Persona::Viewer).await,
    );
    assert_eq!(server.register(&admin, &config("billing", &[])).await.status, 200);
    assert_eq!(server.register(&member, &config("mine", &[])).await.status, 200);
    assert!(refused(&server.register(&member, &config("billing", &["mail.*"])).await, 403).contains("first"));
    assert!(refused(&server.register(&viewer, &config("other", &[])).await, 403).contains("only read"));
    assert_eq!(server.register(&admin, &config("mine", &[])).await.status, 200);
    assert_eq!(server.register(&member, &config("mine", &[])).await.status, 200, "the member still may");
    assert_eq!(server.count("SELECT count(*) FROM agents").await, 2);
    assert_eq!(server.audited().await.iter().filter(|action| *action == "agent.refused").count(), 2);
    // Names are separate in each organization.
    let stranger = server.key_of(Persona::Stranger).await;
    assert_eq!(server.register(&stranger, &config("billing", &[])).await.status, 200);
}

#[apply(on_both_engines!)]
async fn keys_of_disabled_or_removed_people_register_nothing(engine: Engine) {
    let server = Server::on(engine).await;
    let (disabled, removed) = (server.key_of(Persona::Admin).await, server.key_of(Persona::Member).await);
    assert_eq!(server.register(&disabled, &config("bot", &[])).await.status, 200);
    let email = Persona::Admin.email();
    set_enabled(&server.app, &email, false).await.expect("disabled");
    let owner = server.sign_in_as(Persona::Owner).await;
    let member = server.actor(Persona::Member).await.user;
    let removal = server.submit(&owner, &format!("/settings/members/{member}/remove"), &[]).await;
    assert_eq!(removal.status, 303, "{}", removal.text());
    for key in [&disabled, &removed] {
        for name in ["bot", "another"] {
            let why = refused(&server.register(key, &config(name, &["mail.*"])).await, 403);
            assert!(why.contains("disabled or no longer a member"), "{why}");
        }
    }
    assert_eq!(server.count("SELECT count(*) FROM agents").await, 1);
    assert_eq!(server.audited().await.iter().filter(|action| *action == "agent.registered").count(), 1);
    assert!(server.audited().await.contains(&"agent.refused".to_owned()));
    set_enabled(&server.app, &email, true).await.expect("enabled");
    assert_eq!(server.register(&disabled, &config("bot", &["mail.*"])).await.status, 200);
}

#[apply(on_both_engines!)]
async fn only_the_first_registrant_or_an_admin_removes_an_agent(engine: Engine) {
    let server = Server::on(engine).await;
    let mut addresses = Vec::new();
    let key = server.key_of(Persona::Owner).await;
    for name in ["one", "two"] {
        let body = server.register(&key, &config(name, &["mail.read"])).await.json();
        addresses.push(format!("/settings/agents/{}", body["id"].as_str().expect("an id")));
    }
    let member = server.sign_in_as(Persona::Member).await;
    let admin = server.sign_in_as(Persona::Admin).await;
    let see = async |cookies: &str, path: &str| server.get(path).browser().with(cookies).send().await;
    assert!(!see(&member, &addresses[0]).await.text().contains("Remove agent"));
    assert_eq!(server.submit(&member, &format!("{}/remove", addresses[0]), CONFIRMED).await.status, 403);
    assert!(see(&admin, &addresses[0]).await.text().contains("Remove agent"));
    let removed = server.submit(&admin, &format!("{}/remove", addresses[0]), CONFIRMED).await;
    assert_eq!((removed.status.as_u16(), removed.header("location")), (303, "/settings/agents"));
    let list = see(&admin, "/settings/agents").await.text();
    assert!(
        list.contains("The agent one was removed.") && list.contains("two") && list.contains("1 agent"),
        "{list}"
    );
    assert_eq!(server.count("SELECT count(*) FROM agent_servers").await, 4);
    // Removing it again.
    assert_eq!(server.submit(&admin, &format!("{}/remove", addresses[0]), CONFIRMED).await.status, 404);
    let stranger = server.actor(Persona::Stranger).await;
    let id = crate::shared::AgentId::parse(addresses[1].rsplit('/').next().expect("an id")).expect("an id");
    let refused = crate::agents::server::remove(&server.app, &stranger, id).await;
    assert!(matches!(refused, Err(crate::platform::Error::NotFound)), "{refused:?}");
}

#[apply(on_both_engines!)]
async fn bootstrap_returns_what_adapters_read(engine: Engine) {
    let server = Server::on(engine).await;
    let key = server.key_of(Persona::Member).await;
    let empty = without_null(&server.post("/iap/sdk/bootstrap").x_key(&key).json(&json!({})).send().await);
    assert_eq!(
        (empty["org"]["name"].as_str(), empty["mcps"].as_array().map(Vec::len)),
        (Some("Tidewater Freight"), Some(0))
    );
    assert_eq!((empty["agent"].is_null(), &empty["toolMap"]), (true, &json!({})));
    server
        .register(
            &key,
            &config(
                "my-agent",
                &["weather-mcp.get_weather", "mail.read", "mail.*", "notes.read", "nowhere.x", "notes."],
            ),
        )
        .await;
    let other = server.key_of(Persona::Admin).await;
    server.register(&other, &config("another", &["weather-mcp.get_weather"])).await;
    let body = without_null(&server.post("/iap/sdk/bootstrap").x_key(&key).send().await);
    assert_eq!(body["agent"], json!({ "id": "my-agent", "name": "my-agent" }));
    assert_eq!(body["toolMap"], json!({ "get_weather": "weather-mcp" }), "a tool of two servers is omitted");
    let names: Vec<_> = body["mcps"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|mcp| mcp["name"].as_str().expect("a name"))
        .collect();
    assert_eq!(names, ["weather-mcp", "mail", "notes", "home"]);
    assert_eq!(body["agents"].as_array().map(Vec::len), Some(2));
    server.register(&key, &config("second", &[])).await;
    let body = server.post("/iap/sdk/bootstrap").x_key(&key).send().await.json();
    assert!(body["agent"].is_null(), "with two agents there is no single one: {body}");
}

#[apply(on_both_engines!)]
async fn the_agent_list_is_paginated(engine: Engine) {
    let server = Server::on(engine).await;
    let key = server.key_of(Persona::Owner).await;
    for number in 0..51 {
        let body = json!({ "identity": { "agent_id": format!("agent {number:02} <&>") } });
        assert_eq!(server.register(&key, &body).await.status, 200);
    }
    let cookies = server.sign_in_as(Persona::Viewer).await;
    let first = server.get("/settings/agents").browser().with(&cookies).send().await.text();
    assert!(
        first.contains("agent 00 &lt;&amp;>") || first.contains("agent 00 &lt;&amp;&gt;"),
        "names are escaped"
    );
    assert!(first.contains("agent 49") && !first.contains("agent 50"));
    let second =
        server.get("/settings/agents?after=agent+49+%3C%26%3E").browser().with(&cookies).send().await.text();
    assert!(
        second.contains("agent 50") && !second.contains("agent 49 &lt;") && second.contains("First page")
    );
    assert!(
        server
            .get("/settings/agents?after=zzz")
            .browser()
            .with(&cookies)
            .send()
            .await
            .text()
            .contains("No more agents")
    );
    assert!(
        !server
            .get("/settings/agents?after=%00")
            .browser()
            .with(&cookies)
            .send()
            .await
            .status
            .is_server_error()
    );
}
