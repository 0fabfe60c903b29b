//! The MCP server, on both engines: the wire, the tools for each role, and the requests that a person confirms.

mod protocol;
mod requests;
mod schemas;
mod setups;
mod tools;
mod wire;

use std::sync::Mutex;

use serde_json::{Value, json};

use super::harness::{Call, Server, TestResponse, on_both_engines};
use super::keys::draft;
use super::personas::Persona;
use crate::approvals::ApprovalRequest;
use crate::keys::server::{self as keys, Draft, Revealed};
use crate::orgs::server::{Actor, Membership};
use crate::platform::Secret;
use crate::shared::{ApprovalId, KeyId, Kind, PrincipalKind, Role};

const PATH: &str = "/api/mcp";
const NEWEST: &str = "2026-07-28";

/// A message without parameters for tests that only need a request.
pub fn tools_list() -> Value {
    json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" })
}

/// A client that speaks the revisions with a handshake, and stores all that was answered.
struct Agent<'a> {
    server: &'a Server,
    key: Secret,
    id: KeyId,
    answered: Mutex<String>,
}

impl<'a> Agent<'a> {
    async fn of(server: &'a Server, persona: Persona) -> Self {
        let actor = server.actor(persona).await;
        let draft = Draft { kind: Kind::Mcp, ..draft(&format!("agent of {persona:?}")) };
        let Revealed { key, plaintext } =
            keys::create(&server.app, &actor, &draft, None).await.expect("a key");
        Self { server, key: plaintext, id: key.id, answered: Mutex::default() }
    }

    async fn send(&self, call: Call<'_>, body: &Value) -> TestResponse {
        let response = call.key(&self.key).json(body).send().await;
        self.answered.lock().expect("a text").push_str(&response.text());
        response
    }

    async fn ask(&self, method: &str, params: Value) -> Value {
        let body = json!({ "jsonrpc": "2.0", "id": 7, "method": method, "params": params });
        let response = self.send(self.server.post(PATH), &body).await;
        assert_eq!(response.status, 200, "{method}: {}", response.text());
        let answer = response.json();
        assert_eq!((&answer["jsonrpc"], &answer["id"]), (&json!("2.0"), &json!(7)), "{answer}");
        answer
    }

    /// The result of a tool, which may be an error of the tool.
    async fn tool(&self, name: &str, arguments: Value) -> Value {
        let answer = self.ask("tools/call", json!({ "name": name, "arguments": arguments })).await;
        assert!(answer["result"].is_object(), "{name}: {answer}");
        answer["result"].clone()
    }

    /// The structured output of a tool that succeeds.
    async fn output(&self, name: &str, arguments: Value) -> Value {
        let result = self.tool(name, arguments).await;
        assert_eq!(result["isError"], false, "{name}: {result}");
        let text = result["content"][1]["text"].as_str().expect("a text");
        assert_eq!(serde_json::from_str::<Value>(text).expect("JSON"), result["structuredContent"], "{name}");
        result["structuredContent"].clone()
    }

    /// The text of a tool that fails.
    async fn failure(&self, name: &str, arguments: Value) -> String {
        let result = self.tool(name, arguments).await;
        assert_eq!(result["isError"], true, "{name}: {result}");
        result["content"][0]["text"].as_str().expect("a text").to_owned()
    }

    /// A request of the newest revision, which needs no handshake.
    async fn newest(&self, method: &str, name: &str, params: Value) -> TestResponse {
        let call = self.server.post(PATH).header("mcp-protocol-version", NEWEST).header("mcp-method", method);
        let call = if name.is_empty() { call } else { call.header("mcp-name", name) };
        let mut params = params;
        params["_meta"] = meta(NEWEST);
        self.send(call, &json!({ "jsonrpc": "2.0", "id": "a", "method": method, "params": params })).await
    }

    fn answered(&self) -> String {
        self.answered.lock().expect("a text").clone()
    }
}

/// What a request of the newest revision says about its client.
fn meta(version: &str) -> Value {
    json!({
        "io.modelcontextprotocol/protocolVersion": version,
        "io.modelcontextprotocol/clientInfo": { "name": "test", "version": "1" },
        "io.modelcontextprotocol/clientCapabilities": { "elicitation": { "url": {} } },
    })
}

impl Server {
    /// Files the request of an agent whose key belongs to the actor.
    pub async fn agent_request(&self, actor: &Actor, name: &str) -> ApprovalId {
        let agent = Draft { role: Some(actor.org.role), ..draft(&format!("asks for {name}")) };
        let key = keys::create(&self.app, actor, &agent, None).await.expect("a key").key;
        let org = Membership { role: key.role, ..actor.org.clone() };
        let (principal, secret) = (PrincipalKind::Key, Some(key.secret));
        let agent = Actor { principal, key: Some(key.id), secret, org, ..actor.clone() };
        let new = Draft { role: Some(Role::Viewer), ..draft(name) };
        keys::request_creation(&self.app, &agent, &new, "Because.").await.expect("a request")
    }

    async fn read_request(&self, id: ApprovalId) -> ApprovalRequest {
        let owner = self.actor(Persona::Owner).await;
        crate::approvals::server::find(&self.app, &owner, id).await.expect("a request")
    }
}

/// The id of the request in the link of an answer.
fn request_in(url: &Value) -> ApprovalId {
    let url = url.as_str().expect("a link");
    let id = url.rsplit('/').next().expect("a path");
    assert_eq!(url, format!("{}/agents/requests/{id}", super::harness::PUBLIC_URL));
    ApprovalId::parse(id).expect("an id")
}
