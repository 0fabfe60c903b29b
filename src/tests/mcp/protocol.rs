//! The wire: revisions, headers, errors of JSON-RPC.

use macro_rules_attribute::apply;

use super::*;
use crate::platform::db::Engine;

fn initialize(version: &str) -> Value {
    let client = json!({ "name": "test", "version": "1" });
    let params = json!({ "protocolVersion": version, "capabilities": {}, "clientInfo": client });
    json!({ "jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params })
}

/// Status and code of an error.
fn refused(response: &TestResponse) -> (u16, i64) {
    assert_eq!(response.header("content-type"), "application/json", "{}", response.text());
    let code = response.json()["error"]["code"].as_i64();
    (response.status.as_u16(), code.unwrap_or_else(|| panic!("no error: {}", response.text())))
}

#[apply(on_both_engines!)]
async fn clients_with_a_handshake_are_served_without_sessions(engine: Engine) {
    let server = Server::on(engine).await;
    let agent = Agent::of(&server, Persona::Owner).await;
    for (asked, agreed) in [
        ("2025-06-18", "2025-06-18"),
        ("2025-11-25", "2025-11-25"),
        ("2024-11-05", "2025-11-25"),
        ("2099-01-01", "2025-11-25"),
    ] {
        let response = agent.send(server.post(PATH), &initialize(asked)).await;
        assert_eq!(response.status, 200, "{}", response.text());
        assert_eq!(response.header("mcp-session-id"), "");
        let result = &response.json()["result"];
        assert_eq!(result["protocolVersion"], agreed, "{asked}");
        assert_eq!(result["serverInfo"]["name"], "latchkey");
        for capability in ["tools", "resources", "prompts", "completions"] {
            assert!(result["capabilities"][capability].is_object(), "{result}");
        }
        assert!(result["instructions"].as_str().is_some_and(|text| text.contains("Tidewater Freight")));
    }
    let body = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
    let response = agent.send(server.post(PATH).header("mcp-protocol-version", "2025-11-25"), &body).await;
    assert_eq!((response.status.as_u16(), response.text().as_str()), (202, ""));
    let call = server.post(PATH).header("mcp-protocol-version", "2025-06-18");
    let listed = agent.send(call, &tools_list()).await.json();
    assert_eq!(listed["result"]["tools"][0]["name"], "whoami");
    assert!(listed["result"]["resultType"].is_null(), "the field is not of that revision");
    assert_eq!(agent.ask("ping", json!({})).await["result"], json!({}));
    let unknown = agent.ask("nonsense/do", json!({})).await;
    assert_eq!(unknown["error"]["code"], -32601);
}

#[apply(on_both_engines!)]
async fn the_newest_revision_needs_no_handshake(engine: Engine) {
    let server = Server::on(engine).await;
    let agent = Agent::of(&server, Persona::Owner).await;
    let discovered = agent.newest("server/discover", "", json!({})).await;
    assert_eq!(discovered.status, 200, "{}", discovered.text());
    let versions = &discovered.json()["result"]["supportedVersions"];
    assert_eq!(*versions, json!(["2025-06-18", "2025-11-25", NEWEST]), "{}", discovered.text());
    for (method, name, params) in [
        ("tools/list", "", json!({})),
        ("resources/list", "", json!({})),
        ("resources/templates/list", "", json!({})),
        ("prompts/list", "", json!({})),
        ("resources/read", "latchkey://organization", json!({ "uri": "latchkey://organization" })),
    ] {
        let response = agent.newest(method, name, params).await;
        assert_eq!(response.status, 200, "{method}: {}", response.text());
        let result = &response.json()["result"];
        assert_eq!(result["resultType"], "complete", "{method}");
        assert_eq!((&result["ttlMs"], &result["cacheScope"]), (&json!(0), &json!("private")), "{method}");
    }
    let called = agent.newest("tools/call", "whoami", json!({ "name": "whoami" })).await.json();
    assert_eq!(called["result"]["resultType"], "complete", "{called}");
    let missing = format!("latchkey://keys/{}", KeyId::NIL);
    let read = agent.newest("resources/read", &missing, json!({ "uri": missing })).await;
    assert_eq!(read.json()["error"]["code"], -32602, "{}", read.text());
    assert_eq!(refused(&agent.newest("nonsense/do", "", json!({})).await), (404, -32601));
    assert_eq!(refused(&agent.newest("ping", "", json!({})).await), (404, -32601));
}

#[apply(on_both_engines!)]
async fn headers_and_body_must_agree(engine: Engine) {
    let server = Server::on(engine).await;
    let agent = Agent::of(&server, Persona::Owner).await;
    let body = |version: &str| {
        let params = json!({ "name": "whoami", "_meta": meta(version) });
        json!({ "jsonrpc": "2.0", "id": 3, "method": "tools/call", "params": params })
    };
    let cases = [
        (NEWEST, "tools/call", "whoami", NEWEST, None),
        (NEWEST, "tools/list", "whoami", NEWEST, Some(-32020)),
        (NEWEST, "tools/call", "get_key", NEWEST, Some(-32020)),
        ("2025-11-25", "tools/call", "whoami", NEWEST, Some(-32020)),
        ("2099-01-01", "tools/call", "whoami", "2099-01-01", Some(-32022)),
        ("2099-01-01", "tools/call", "whoami", NEWEST, Some(-32020)),
    ];
    for (header, method, name, version, code) in cases {
        let call = server.post(PATH).header("mcp-protocol-version", header).header("mcp-method", method);
        let response = agent.send(call.header("mcp-name", name), &body(version)).await;
        match code {
            None => assert_eq!(response.status, 200, "{}", response.text()),
            Some(code) => assert_eq!(refused(&response), (400, code), "{header} {method} {name} {version}"),
        }
    }
    // Only the header states a version.
    let call = server.post(PATH).header("mcp-protocol-version", "2099-01-01");
    let response = agent.send(call, &tools_list()).await;
    assert_eq!(refused(&response), (400, -32022));
    assert_eq!(response.json()["error"]["data"]["supported"], json!(["2025-06-18", "2025-11-25", NEWEST]));
    assert_eq!(response.json()["id"], 1);
    // A request of the newest revision that says nothing about itself.
    let call = server.post(PATH).header("mcp-protocol-version", NEWEST).header("mcp-method", "tools/list");
    assert_eq!(refused(&agent.send(call, &tools_list()).await), (400, -32602));
}

#[apply(on_both_engines!)]
async fn malformed_messages_get_an_error_of_json_rpc(engine: Engine) {
    let server = Server::on(engine).await;
    let agent = Agent::of(&server, Persona::Owner).await;
    let post = |body: String| {
        server.post(PATH).key(&agent.key).header("content-type", "application/json").body(body).send()
    };
    let deep = format!("{}1{}", "[".repeat(500), "]".repeat(500));
    for (body, code) in [
        ("{", -32700),
        ("", -32700),
        ("\u{0}", -32700),
        (deep.as_str(), -32700),
        ("[]", -32600),
        (r#"[{"jsonrpc":"2.0","id":1,"method":"tools/list"}]"#, -32600),
        ("7", -32600),
        ("null", -32600),
        (r#"{"id":1,"method":"tools/list"}"#, -32600),
        (r#"{"jsonrpc":"1.0","id":1,"method":"tools/list"}"#, -32600),
        (r#"{"jsonrpc":"2.0","id":{},"method":"tools/list"}"#, -32600),
        (r#"{"jsonrpc":"2.0","id":null,"method":"tools/list"}"#, -32600),
        (r#"{"jsonrpc":"2.0","id":1,"method":7}"#, -32600),
        (r#"{"jsonrpc":"2.0","id":1}"#, -32600),
        (r#"{"jsonrpc":"2.0","id":1,"method":"prompts/get","params":[]}"#, -32600),
        (r#"{"jsonrpc":"2.0","id":1,"result":{}}"#, -32600),
    ] {
        let response = post(body.to_owned()).await;
        assert_eq!(refused(&response), (400, code), "{body}");
    }
    for (method, params) in [
        ("tools/call", json!({})),
        ("tools/call", json!({ "name": 7 })),
        ("tools/call", json!({ "name": "whoami", "arguments": "x" })),
        ("resources/read", json!({})),
        ("prompts/get", json!({})),
        ("completion/complete", json!({ "ref": 1 })),
    ] {
        assert_eq!(agent.ask(method, params.clone()).await["error"]["code"], -32602, "{method} {params}");
    }
    let large = json!({ "name": "create_key", "arguments": { "name": "x".repeat(1 << 20) } });
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": large });
    assert_eq!(post(body.to_string()).await.status, 413);
    let below = json!({ "name": "create_key", "arguments": { "name": "x".repeat(1 << 19) } });
    let result = agent.ask("tools/call", below).await;
    assert_eq!(result["result"]["isError"], true);
    let text = server.post(PATH).key(&agent.key).header("content-type", "text/plain");
    assert_eq!(refused(&text.body(tools_list().to_string()).send().await), (415, -32600));
}

/// Nothing of a request stays behind: there are no sessions.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_handshakes_leave_nothing_behind() {
    let server = Server::on(Engine::Sqlite).await;
    let agent = Agent::of(&server, Persona::Owner).await;
    let metrics = tokio::runtime::Handle::current().metrics();
    let shake = async |count: usize| {
        for _ in 0..count {
            let call = server.post(PATH).key(&agent.key).json(&initialize("2025-11-25"));
            assert_eq!(call.send().await.status, 200);
        }
        // The task of the last request may still be ending.
        for _ in 0..1_000 {
            tokio::task::yield_now().await;
        }
        metrics.num_alive_tasks()
    };
    let initial = shake(100).await;
    let after = shake(10_000).await;
    assert!(after <= initial + 20, "{initial} tasks, then {after}");
}
