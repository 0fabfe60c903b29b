//! Every tool for every role, on objects of one's own and another organization.

use std::time::Duration;

use macro_rules_attribute::apply;

use super::schemas::violations;
use super::*;
use crate::platform::db::Engine;

const READ: [&str; 7] =
    ["whoami", "list_keys", "get_key", "key_usage", "who_uses_key", "find_stale_keys", "list_members"];
const CHANGE: [&str; 6] =
    ["create_key", "rotate_key", "finish_rotation", "disable_key", "enable_key", "revoke_key"];

fn allowed(persona: Persona) -> Vec<&'static str> {
    let audit: &[&str] = match persona {
        Persona::Viewer | Persona::Member => &[],
        _ => &["search_audit"],
    };
    let change: &[&str] = if persona == Persona::Viewer { &[] } else { &CHANGE };
    [&READ, audit, change].concat()
}

const PERSONAS: [Persona; 5] =
    [Persona::Viewer, Persona::Member, Persona::Admin, Persona::Owner, Persona::Stranger];

#[apply(on_both_engines!)]
async fn a_key_sees_the_tools_of_its_role_and_no_others(engine: Engine) {
    let server = Server::on(engine).await;
    for persona in PERSONAS {
        let agent = Agent::of(&server, persona).await;
        let listed = agent.ask("tools/list", json!({})).await;
        let tools = listed["result"]["tools"].as_array().expect("tools").clone();
        let names: Vec<_> = tools.iter().filter_map(|tool| tool["name"].as_str()).collect();
        assert_eq!(names, allowed(persona), "{persona:?}");
        for tool in &tools {
            let (name, hints) = (tool["name"].as_str().expect("a name"), &tool["annotations"]);
            assert_eq!(hints["readOnlyHint"], json!(!CHANGE.contains(&name)), "{name}");
            let destroys = ["rotate_key", "finish_rotation", "disable_key", "revoke_key"].contains(&name);
            assert_eq!(hints["destructiveHint"], json!(destroys), "{name}");
            assert_eq!(hints["openWorldHint"], false, "{name}");
            assert!(hints["idempotentHint"].is_boolean(), "{name}");
            for schema in ["inputSchema", "outputSchema"] {
                assert_eq!(tool[schema]["type"], "object", "{name}: {tool}");
            }
            assert!(tool["description"].as_str().is_some_and(|text| text.len() > 20), "{name}");
        }
        let unknown = agent.ask("tools/call", json!({ "name": "nonsense" })).await["error"].clone();
        assert_eq!(unknown["code"], -32602);
        for name in ["search_audit"].iter().chain(&CHANGE).filter(|name| !names.contains(name)) {
            let refused = agent.ask("tools/call", json!({ "name": name })).await;
            assert_eq!(refused["error"], unknown, "{persona:?} {name}");
        }
    }
    assert_eq!(server.count("SELECT COUNT(*) FROM approval_requests").await, 0);
}

/// Another organization's key is answered like one that does not exist.
#[apply(on_both_engines!)]
async fn keys_of_other_organizations_do_not_exist(engine: Engine) {
    let server = Server::on(engine).await;
    let foreign = server.key(&server.actor(Persona::Stranger).await, "foreign").await.key.id.to_string();
    let nil = KeyId::NIL.to_string();
    let initial = server.audited().await.len();
    for persona in [Persona::Viewer, Persona::Member, Persona::Admin, Persona::Owner] {
        let agent = Agent::of(&server, persona).await;
        let takes_key = |name: &&str| {
            !["whoami", "list_keys", "find_stale_keys", "list_members", "search_audit", "create_key"]
                .contains(name)
        };
        for name in allowed(persona).into_iter().filter(takes_key) {
            let of = async |id: &str| agent.failure(name, json!({ "key": id })).await;
            assert_eq!(of(&foreign).await, of(&nil).await, "{persona:?} {name}");
            assert!(of("foreign").await.contains("No key has the name"), "{persona:?} {name}");
        }
        let read = async |id: &str| {
            agent.ask("resources/read", json!({ "uri": format!("latchkey://keys/{id}") })).await
        };
        assert_eq!(read(&foreign).await["error"]["code"], read(&nil).await["error"]["code"]);
        assert!(read(&foreign).await["error"].is_object());
        assert!(!agent.answered().contains("Nair Consulting"));
        if allowed(persona).contains(&"search_audit") {
            let events = agent.output("search_audit", json!({ "target": foreign })).await;
            assert_eq!(events["events"], json!([]));
        }
    }
    assert!(server.audited().await[initial..].iter().all(|action| action == "key.created"));
}

#[apply(on_both_engines!)]
async fn tools_read_what_the_pages_show(engine: Engine) {
    let server = Server::on(engine).await;
    let agent = Agent::of(&server, Persona::Owner).await;
    let owner = server.actor(Persona::Owner).await;
    let made = server.key(&owner, "warehouse-sync").await;
    server.get("/api/v1/me").key(&made.plaintext).header("user-agent", "curl/8").send().await;
    server.get("/api/v1/me").key(&made.plaintext).header("user-agent", "curl/8").send().await;
    let id = made.key.id.to_string();

    let me = agent.output("whoami", json!({})).await;
    assert_eq!(
        (&me["key"]["kind"], &me["organization"]["name"]),
        (&json!("mcp"), &json!("Tidewater Freight"))
    );
    assert_eq!(me["person"]["email"], "owner@tidewater.example");
    let listed = agent.output("list_keys", json!({ "search": "house", "sort": "name" })).await;
    assert_eq!((&listed["keys"][0]["id"], &listed["next_cursor"]), (&json!(id), &Value::Null));
    let first = agent.output("list_keys", json!({ "limit": 1 })).await;
    let second = agent.output("list_keys", json!({ "limit": 1, "cursor": first["next_cursor"] })).await;
    assert_ne!(first["keys"][0]["id"], second["keys"][0]["id"]);
    for key in [id.as_str(), "warehouse-sync", " WAREHOUSE-sync ", &format!("ak_live_{}…", made.key.secret)]
    {
        let shown = agent.output("get_key", json!({ "key": key })).await;
        assert_eq!((&shown["id"], &shown["calls"]), (&json!(id), &json!(2)), "{key}");
    }
    let similar = agent.failure("get_key", json!({ "key": "warehouse" })).await;
    assert!(similar.contains("\"warehouse-sync\""), "{similar}");
    let used = agent.output("key_usage", json!({ "key": id })).await;
    assert_eq!(
        (&used["accepted"], &used["refused"], &used["period"]),
        (&json!(2), &json!(0), &json!("hour"))
    );
    assert_eq!(used["periods"][0]["accepted"], 2);
    let by_day = agent.output("key_usage", json!({ "key": id, "hours": 720 })).await;
    assert_eq!((&by_day["period"], &by_day["periods"][0]["accepted"]), (&json!("day"), &json!(2)));
    let callers = agent.output("who_uses_key", json!({ "key": id })).await;
    assert_eq!((&callers["calls_in_24_hours"], &callers["callers"][0]["requests"]), (&json!(2), &json!(2)));
    assert_eq!(callers["callers"][0]["user_agent"], "curl/8");
    assert_eq!(callers["callers"][0]["uses_current_secret"], true);
    assert_eq!(agent.output("list_members", json!({})).await["members"][0]["role"], "owner");
    let events =
        agent.output("search_audit", json!({ "action": "key.created", "target": "warehouse-sync" })).await;
    assert_eq!(events["events"][0]["target"]["id"], json!(id));

    assert_eq!(agent.output("find_stale_keys", json!({})).await["keys"], json!([]));
    server.clock.advance(Duration::from_secs(61 * 24 * 60 * 60));
    let stale = agent.output("find_stale_keys", json!({})).await;
    assert_eq!((stale["keys"].as_array().map(Vec::len), &stale["keys"][0]["id"]), (Some(1), &json!(id)));
    let few = agent.output("find_stale_keys", json!({ "unused_days": 62 })).await;
    assert_eq!(few["keys"], json!([]));
}

#[apply(on_both_engines!)]
async fn outputs_have_the_form_of_their_schemas(engine: Engine) {
    let server = Server::on(engine).await;
    let agent = Agent::of(&server, Persona::Owner).await;
    server.key(&server.actor(Persona::Owner).await, "one").await;
    let listed = agent.ask("tools/list", json!({})).await;
    for tool in listed["result"]["tools"].as_array().expect("tools") {
        let name = tool["name"].as_str().expect("a name");
        let arguments = match name {
            "whoami" | "list_keys" | "find_stale_keys" | "list_members" | "search_audit" => json!({}),
            "create_key" => json!({ "name": "two", "role": "viewer", "expires_in_days": 7 }),
            "finish_rotation" => {
                let owner = server.actor(Persona::Owner).await;
                let key =
                    keys::find_by_name(&server.app, &owner, "one").await.expect("a result").expect("a key");
                keys::rotate(&server.app, &owner, key, Duration::from_secs(60), None)
                    .await
                    .expect("it is rotated");
                json!({ "key": "one" })
            }
            _ => json!({ "key": "one" }),
        };
        let wrong = violations(&tool["inputSchema"], &arguments);
        assert!(wrong.is_empty(), "{name}: {wrong:?}");
        let output = agent.output(name, arguments).await;
        let wrong = violations(&tool["outputSchema"], &output);
        assert!(wrong.is_empty(), "{name}: {wrong:?}");
    }
}

#[apply(on_both_engines!)]
async fn changes_are_audited_with_the_key_as_actor(engine: Engine) {
    let server = Server::on(engine).await;
    let agent = Agent::of(&server, Persona::Admin).await;
    let owner = server.actor(Persona::Owner).await;
    let draft = Draft { role: Some(Role::Viewer), ..draft("one") };
    let made = keys::create(&server.app, &owner, &draft, None).await.expect("a key");
    keys::rotate(&server.app, &owner, made.key.id, Duration::from_secs(60), None)
        .await
        .expect("it is rotated");
    for (tool, action, status) in [
        ("finish_rotation", "key.rotation_finished", "active"),
        ("disable_key", "key.disabled", "disabled"),
        ("enable_key", "key.enabled", "active"),
        ("revoke_key", "key.revoked", "revoked"),
    ] {
        let rows = server.audited().await.len();
        let key = if tool == "revoke_key" { made.key.id.to_string() } else { "one".to_owned() };
        assert_eq!(agent.output(tool, json!({ "key": key })).await["key"]["status"], status, "{tool}");
        assert_eq!(server.audited().await[rows..], [action], "{tool}");
        let actor: (String, String) = sqlx::query_as(
            "SELECT actor_kind, actor_id FROM audit WHERE action = $1 ORDER BY id DESC LIMIT 1",
        )
        .bind(action)
        .fetch_one(server.app.db.pool())
        .await
        .expect("a row");
        assert_eq!(actor, ("key".to_owned(), agent.id.to_string()), "{tool}");
    }
    let again = agent.failure("revoke_key", json!({ "key": made.key.id.to_string() })).await;
    assert!(again.contains("Nothing was changed"), "{again}");
}

#[apply(on_both_engines!)]
async fn refusals_of_services_tell_the_model_what_to_do(engine: Engine) {
    let server = Server::on(engine).await;
    let agent = Agent::of(&server, Persona::Member).await;
    let owner = server.actor(Persona::Owner).await;
    let secret = server.key(&owner, "of the owner").await.plaintext;
    for (tool, arguments, part) in [
        ("revoke_key", json!({ "key": "of the owner" }), "Only the creator of this key"),
        ("rotate_key", json!({ "key": "of the owner" }), "Only the creator of this key"),
        ("enable_key", json!({ "key": "agent of Member" }), "cannot edit, enable or extend itself"),
        ("create_key", json!({ "name": "x", "role": "owner" }), "higher role"),
        ("create_key", json!({ "name": "", "role": "viewer" }), "name:"),
        ("create_key", json!({ "name": "x", "allowed_ranges": ["10.0.0.1/8"] }), "allowed_ranges:"),
        ("create_key", json!({ "name": "x", "rate_limit_per_minute": 0 }), "rate_limit_per_minute:"),
        ("create_key", json!({ "name": "x", "expires_at": "soon" }), "expires_at:"),
        ("create_key", json!({ "name": "x", "kind": "root" }), "kind:"),
        ("create_key", json!({ "name": "x", "reason": "y".repeat(501) }), "reason:"),
        ("create_key", json!({ "name": secret.expose() }), "name:"),
        ("create_key", json!({ "name": 7 }), "another form"),
        ("create_key", json!({}), "another form"),
        ("whoami", json!({ "x": 1 }), "another form"),
        ("get_key", json!({ "key": ["a"] }), "another form"),
        ("get_key", json!({ "key": secret.expose() }), "Never pass one"),
        ("list_keys", json!({ "search": secret.expose() }), "Never pass one"),
        ("list_keys", json!({ "limit": 101 }), "limit:"),
        ("list_keys", json!({ "sort": "size" }), "sort:"),
        ("list_keys", json!({ "cursor": "x" }), "cursor:"),
        ("list_keys", json!({ "status": "\u{0}" }), "status:"),
        ("key_usage", json!({ "key": "of the owner", "hours": 0 }), "hours:"),
        ("finish_rotation", json!({ "key": "agent of Member" }), "not being rotated"),
    ] {
        let text = agent.failure(tool, arguments.clone()).await;
        assert!(text.contains(part), "{tool} {arguments}: {text}");
        assert!(!text.contains(secret.expose()), "{text}");
    }
    assert_eq!(server.count("SELECT COUNT(*) FROM approval_requests").await, 0);
}

#[apply(on_both_engines!)]
async fn resources_prompts_and_completions(engine: Engine) {
    let server = Server::on(engine).await;
    let agent = Agent::of(&server, Persona::Viewer).await;
    let id = server.key(&server.actor(Persona::Owner).await, "warehouse-sync").await.key.id.to_string();
    let read = async |uri: &str| {
        let contents =
            agent.ask("resources/read", json!({ "uri": uri })).await["result"]["contents"][0].clone();
        serde_json::from_str::<Value>(contents["text"].as_str().expect("a text")).expect("JSON")
    };
    let organization = read("latchkey://organization").await;
    assert_eq!(
        (&organization["name"], &organization["keys"]["all"]),
        (&json!("Tidewater Freight"), &json!("2"))
    );
    assert_eq!(read(&format!("latchkey://keys/{id}")).await["name"], "warehouse-sync");
    for uri in ["latchkey://keys/x", "latchkey://", "file:///etc/passwd", ""] {
        let answer = agent.ask("resources/read", json!({ "uri": uri })).await;
        assert_eq!(answer["error"]["code"], -32002, "{uri}: {answer}");
    }
    let prompts = agent.ask("prompts/list", json!({})).await["result"]["prompts"].clone();
    assert_eq!(prompts.as_array().map(Vec::len), Some(2));
    let get = async |name: &str, arguments: Value| {
        agent.ask("prompts/get", json!({ "name": name, "arguments": arguments })).await
    };
    let text = get("rotate_old_keys", json!({ "days": "30" })).await["result"]["messages"][0].to_string();
    assert!(text.contains("more than 30 days ago"), "{text}");
    let text =
        get("who_uses_key", json!({ "key": "warehouse-sync" })).await["result"]["messages"][0].to_string();
    assert!(text.contains("warehouse-sync"), "{text}");
    for (name, arguments) in
        [("rotate_old_keys", json!({ "days": "many" })), ("who_uses_key", json!({})), ("nonsense", json!({}))]
    {
        assert_eq!(get(name, arguments).await["error"]["code"], -32602, "{name}");
    }
    let complete = async |reference: Value, name: &str, value: &str| {
        let argument = json!({ "name": name, "value": value });
        let answer =
            agent.ask("completion/complete", json!({ "ref": reference, "argument": argument })).await;
        answer["result"]["completion"]["values"].clone()
    };
    let prompt = json!({ "type": "ref/prompt", "name": "who_uses_key" });
    assert_eq!(complete(prompt.clone(), "key", "ware").await, json!(["warehouse-sync"]));
    assert_eq!(complete(prompt, "key", "xyz").await, json!([]));
    let resource = json!({ "type": "ref/resource", "uri": "latchkey://keys/{id}" });
    assert_eq!(complete(resource, "id", "warehouse").await, json!([id]));
}
