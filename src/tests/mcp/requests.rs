//! What agents ask for: a person confirms it in the browser and sees the secret. The agent learns the outcome and no secret.

use std::time::Duration;

use macro_rules_attribute::apply;

use super::*;
use crate::approvals::server as approvals;
use crate::platform::db::Engine;
use crate::tests::approvals::approval_from;
use crate::usage::Outcome;

/// The secret that a page shows.
fn secret_in(page: &TestResponse) -> Secret {
    let text = page.text();
    let box_ = text.split("id=\"plaintext\"").nth(1).expect("a box with a secret");
    let box_ = box_.split("mask-on").next().expect("a box");
    let mut plain = String::new();
    let mut is_tag = true;
    for c in box_.chars() {
        match c {
            '<' => is_tag = true,
            '>' => is_tag = false,
            c if !is_tag => plain.push(c),
            _ => {}
        }
    }
    Secret::new(plain.trim())
}

impl Server {
    async fn decide_as(&self, persona: Persona, id: ApprovalId, verdict: &str) -> TestResponse {
        let cookies = self.sign_in_as(persona).await;
        let hash = self.request_hash(id).await;
        let fields = [("verdict", verdict), ("hash", hash.as_str())];
        self.submit(&cookies, &format!("/agents/requests/{id}"), &fields).await
    }
}

const NEW: &str = "tariff-import-nightly";

#[apply(on_both_engines!)]
async fn a_person_creates_the_key_that_an_agent_asks_for(engine: Engine) {
    let server = Server::on(engine).await;
    let agent = Agent::of(&server, Persona::Member).await;
    let arguments =
        json!({ "name": NEW, "kind": "secret", "expires_in_days": 90, "reason": "A key of its own <b>." });
    let pending = agent.output("create_key", arguments.clone()).await;
    assert_eq!(pending["status"], "pending");
    let id = request_in(&pending["url"]);
    assert_eq!(agent.output("create_key", arguments.clone()).await, pending, "asking again files nothing");
    assert_eq!(server.count("SELECT COUNT(*) FROM approval_requests").await, 1);
    assert_eq!(server.count("SELECT COUNT(*) FROM keys").await, 1);

    let cookies = server.sign_in_as(Persona::Member).await;
    let path = format!("/agents/requests/{id}");
    let page = server.get(&path).browser().with(&cookies).send().await;
    let text = page.text();
    for part in [NEW, "agent of Member", "A key of its own &lt;b&gt;.", "Viewer", "You will see the secret"] {
        assert!(text.contains(part), "{part}");
    }
    let old = server.get(&format!("/approvals/{id}")).browser().with(&cookies).send().await;
    assert_eq!((old.status.as_u16(), old.header("location")), (303, path.as_str()));
    let rows = server.audited().await.len();
    let done = server.decide_as(Persona::Member, id, "approve").await;
    assert_eq!(done.status, 200, "{}", done.text());
    assert_eq!(done.header("cache-control"), "no-store");
    let secret = secret_in(&done);
    assert_eq!(server.check(&secret).await, Outcome::Valid);
    assert_eq!(server.audited().await[rows..], ["approval.confirmed", "key.created"]);

    let outcome = agent.output("create_key", arguments).await;
    assert_eq!((&outcome["status"], &outcome["key"]["name"]), (&json!("done"), &json!(NEW)));
    assert_eq!((&outcome["key"]["role"], &outcome["decided_by"]), (&json!("viewer"), &json!("Member")));
    assert!(secret.expose().starts_with(outcome["key"]["prefix"].as_str().expect("a prefix")));
    assert!(
        outcome["key"]["expires_at"].as_str().is_some_and(|at| at.starts_with("2027-02-19")),
        "{outcome}"
    );
    // The secret was in one response, and in none for the agent.
    for text in [
        agent.answered(),
        server.everything().await,
        server.get(&path).browser().with(&cookies).send().await.text(),
    ] {
        assert!(!text.contains(secret.expose()));
    }
    // The link works once.
    let again = server.decide_as(Persona::Member, id, "approve").await;
    assert_eq!((again.status.as_u16(), again.header("location")), (303, path.as_str()));
    assert_eq!(server.count("SELECT COUNT(*) FROM keys").await, 2);
}

#[apply(on_both_engines!)]
async fn clients_that_open_links_get_a_signed_state(engine: Engine) {
    let server = Server::on(engine).await;
    let agent = Agent::of(&server, Persona::Owner).await;
    let other = Agent::of(&server, Persona::Admin).await;
    server.key(&server.actor(Persona::Owner).await, "one").await;
    let call = async |agent: &Agent<'_>, tool: &str, state: Option<&str>| {
        let arguments = match tool {
            "create_key" => json!({ "name": NEW }),
            _ => json!({ "key": "one", "overlap_hours": 1 }),
        };
        let mut params = json!({ "name": tool, "arguments": arguments });
        if let Some(state) = state {
            params["requestState"] = json!(state);
            params["inputResponses"] = json!({ "person": { "action": "accept" } });
        }
        agent.newest("tools/call", tool, params).await.json()
    };
    let asked = call(&agent, "create_key", None).await["result"].clone();
    assert_eq!(asked["resultType"], "input_required", "{asked}");
    let link = &asked["inputRequests"]["person"];
    assert_eq!((&link["method"], &link["params"]["mode"]), (&json!("elicitation/create"), &json!("url")));
    let id = request_in(&link["params"]["url"]);
    let state = asked["requestState"].as_str().expect("a state").to_owned();
    let waiting = call(&agent, "create_key", Some(&state)).await["result"].clone();
    assert_eq!(
        (&waiting["resultType"], &waiting["structuredContent"]["status"]),
        (&json!("complete"), &json!("pending"))
    );

    let rotation = call(&agent, "rotate_key", None).await["result"]["requestState"].clone();
    let mut altered = state.clone();
    let last = altered.pop().expect("a character");
    altered.push(if last == 'A' { 'B' } else { 'A' });
    for (caller, tool, state) in [
        (&other, "create_key", state.as_str()),
        (&agent, "rotate_key", &state),
        (&agent, "create_key", rotation.as_str().expect("a state")),
        (&agent, "create_key", &altered),
        (&agent, "create_key", "rs1.x"),
        (&agent, "create_key", ""),
    ] {
        let refused = call(caller, tool, Some(state)).await;
        assert_eq!(refused["error"]["code"], -32602, "{tool} {state}: {refused}");
    }
    let secret = secret_in(&server.decide_as(Persona::Owner, id, "approve").await);
    let done = call(&agent, "create_key", Some(&state)).await["result"]["structuredContent"].clone();
    assert_eq!(done["status"], "done", "{done}");
    // Another process reads the same signing key.
    assert_eq!(server.count("SELECT COUNT(*) FROM mcp_signing_key").await, 1);
    assert!(!agent.answered().contains(secret.expose()) && !other.answered().contains(secret.expose()));
}

#[apply(on_both_engines!)]
async fn a_rotation_reveals_to_the_person_only(engine: Engine) {
    let server = Server::on(engine).await;
    let agent = Agent::of(&server, Persona::Owner).await;
    let old = server.key(&server.actor(Persona::Owner).await, "one").await;
    let arguments = json!({ "key": "one", "overlap_hours": 3, "reason": "It is old." });
    let id = request_in(&agent.output("rotate_key", arguments.clone()).await["url"]);
    let cookies = server.sign_in_as(Persona::Admin).await;
    let path = format!("/agents/requests/{id}");
    // An owner's key: an admin sees the request and may not confirm it.
    let page = server.get(&path).browser().with(&cookies).send().await.text();
    assert!(page.contains("3 hours, as the agent asks") && page.contains("In the last 24 h"));
    assert_eq!(server.decide_as(Persona::Admin, id, "approve").await.status, 403);
    assert_eq!(server.state_of(id).await, "pending");
    let owner = server.sign_in_as(Persona::Owner).await;
    let hash = server.request_hash(id).await;
    let fields = [("verdict", "approve"), ("hash", hash.as_str()), ("overlap", "99999")];
    assert_eq!(server.submit(&owner, &path, &fields).await.status, 422);
    let fields = [("verdict", "approve"), ("hash", hash.as_str()), ("overlap", "0")];
    let done = server.submit(&owner, &path, &fields).await;
    assert_eq!(done.status, 200, "{}", done.text());
    let secret = secret_in(&done);
    assert_eq!(server.check(&secret).await, Outcome::Valid);
    assert_eq!(server.check(&old.plaintext).await, Outcome::Revoked, "the person chose no overlap");
    let outcome = agent.output("rotate_key", arguments).await;
    assert_eq!(outcome["status"], "done");
    assert!(secret.expose().starts_with(outcome["key"]["prefix"].as_str().expect("a prefix")));
    assert!(!agent.answered().contains(secret.expose()));
}

#[apply(on_both_engines!)]
async fn declined_expired_and_withdrawn_requests_create_nothing(engine: Engine) {
    let server = Server::on(engine).await;
    let agent = Agent::of(&server, Persona::Owner).await;
    let ask = async |name: &str| agent.output("create_key", json!({ "name": name })).await;
    let declined = request_in(&ask("declined").await["url"]);
    assert_eq!(server.decide_as(Persona::Admin, declined, "deny").await.status, 303);
    let outcome = ask("declined").await;
    assert_eq!((&outcome["status"], &outcome["decided_by"]), (&json!("declined"), &json!("Admin")));
    let withdrawn = request_in(&ask("withdrawn").await["url"]);
    let owner = server.actor(Persona::Owner).await;
    approvals::withdraw(&server.app, &owner, withdrawn).await.expect("it is withdrawn");
    assert_eq!(ask("withdrawn").await["status"], "withdrawn");
    let expired = request_in(&ask("expired").await["url"]);
    let expires_at = server.read_request(expired).await.expires_at;
    assert_eq!(expires_at, server.clock.now().plus(Duration::from_secs(600)));
    server.clock.advance(Duration::from_millis(599_999));
    assert_eq!(ask("expired").await["status"], "pending");
    server.clock.advance(Duration::from_millis(1));
    for id in [declined, withdrawn, expired] {
        let late = server.decide_as(Persona::Owner, id, "approve").await;
        assert_eq!(late.status, 303, "{}", late.text());
        let cookies = server.sign_in_as(Persona::Owner).await;
        let page = server.get(&format!("/agents/requests/{id}")).browser().with(&cookies).send().await;
        assert_eq!(page.status, 200);
        assert!(page.text().contains("Nothing was changed"));
    }
    assert_eq!(server.count("SELECT COUNT(*) FROM keys").await, 1);
    // The job marks it, and a new call after that time files a new request.
    approvals::expire(&server.app).await.expect("a round");
    assert_eq!(server.state_of(expired).await, "expired");
    assert_ne!(request_in(&ask("expired").await["url"]), expired);
}

#[apply(on_both_engines!)]
async fn only_people_who_may_do_it_confirm(engine: Engine) {
    let server = Server::on(engine).await;
    let member = Agent::of(&server, Persona::Member).await;
    let id = request_in(&member.output("create_key", json!({ "name": NEW })).await["url"]);
    let path = format!("/agents/requests/{id}");
    for persona in [Persona::Viewer, Persona::Stranger] {
        let cookies = server.sign_in_as(persona).await;
        assert_eq!(server.get(&path).browser().with(&cookies).send().await.status, 404, "{persona:?}");
    }
    assert_eq!(server.decide_as(Persona::Viewer, id, "approve").await.status, 404);
    let with_key =
        server.post(&path).key(&member.key).same_origin().form(&[("verdict", "approve")]).send().await;
    assert!(with_key.header("location").starts_with("/sign-in"));
    let owner = server.sign_in_as(Persona::Owner).await;
    for (hash, verdict, status) in [("x", "approve", 422), ("x", "deny", 422), ("", "none", 422)] {
        let response = server.submit(&owner, &path, &[("verdict", verdict), ("hash", hash)]).await;
        assert_eq!(response.status, status, "{hash} {verdict}");
    }
    // The page of other requests does not decide it.
    let hash = server.request_hash(id).await;
    let fields = [("verdict", "approve"), ("hash", hash.as_str())];
    assert_eq!(server.submit(&owner, &format!("/approvals/{id}"), &fields).await.status, 403);
    assert_eq!(server.state_of(id).await, "pending");
    // The number in the navigation counts what needs a second person.
    let page = server.get("/overview").browser().with(&owner).send().await.text();
    assert!(!page.contains("nav-count"));
    let list = server.get("/approvals").browser().with(&owner).send().await.text();
    assert!(list.contains("Open request"));

    let agent_key =
        keys::find(&server.app, &server.actor(Persona::Owner).await, member.id).await.expect("a key");
    keys::disable(&server.app, &server.actor(Persona::Owner).await, agent_key.id)
        .await
        .expect("it is disabled");
    assert_eq!(server.decide_as(Persona::Owner, id, "approve").await.status, 409, "its key was disabled");
    assert_eq!(server.count("SELECT COUNT(*) FROM keys").await, 1);
}

#[apply(on_both_engines!)]
async fn the_key_policy_and_the_limits_of_the_key_apply(engine: Engine) {
    let server = Server::on(engine).await;
    let agent = Agent::of(&server, Persona::Owner).await;
    let admin = json!({ "name": "strong", "role": "admin" });
    let id = request_in(&agent.output("create_key", admin.clone()).await["url"]);
    server.set_policy(&approval_from(Role::Admin)).await;
    // The rule came after the request.
    assert_eq!(server.decide_as(Persona::Owner, id, "approve").await.status, 409);
    server.clock.advance(Duration::from_secs(601));
    let text = agent.failure("create_key", admin).await;
    assert!(text.contains("second person"), "{text}");
    let weak = agent.output("create_key", json!({ "name": "weak", "role": "member" })).await;
    assert_eq!(weak["status"], "pending");

    let owner = server.actor(Persona::Owner).await;
    let limited =
        Draft { kind: Kind::Mcp, rate_limit: Some(60), role: Some(Role::Member), ..draft("limited") };
    let Revealed { key, plaintext } = keys::create(&server.app, &owner, &limited, None).await.expect("a key");
    let limited = Agent { server: &server, key: plaintext, id: key.id, answered: Mutex::default() };
    let text = limited.failure("create_key", json!({ "name": "x", "rate_limit_per_minute": 61 })).await;
    assert!(text.contains("60 requests a minute"), "{text}");
    let id = request_in(&limited.output("create_key", json!({ "name": "x" })).await["url"]);
    let secret = secret_in(&server.decide_as(Persona::Owner, id, "approve").await);
    let me = server.get("/api/v1/me").key(&secret).send().await.json();
    assert_eq!(me["key"]["rate_limit_per_minute"], 60, "{me}");
}
