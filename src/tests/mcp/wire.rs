//! Who may enter: keys, kinds, limits and origins.

use macro_rules_attribute::apply;

use super::*;
use crate::platform::db::Engine;
use crate::tests::harness::PUBLIC_URL;

#[apply(on_both_engines!)]
async fn without_a_valid_key_nothing_is_answered(engine: Engine) {
    let server = Server::on(engine).await;
    let agent = Agent::of(&server, Persona::Owner).await;
    let challenge = format!(
        "Bearer resource_metadata=\"{PUBLIC_URL}/.well-known/oauth-protected-resource/api/mcp\", scope=\"member\""
    );
    let refuses = async |call: Call<'_>| {
        let response = call.json(&tools_list()).send().await;
        assert_eq!(response.status, 401, "{}", response.text());
        assert_eq!(response.header("www-authenticate"), challenge);
        assert_eq!(response.json()["error"], "Unauthenticated");
        assert_eq!(response.header("cache-control"), "no-store");
    };
    refuses(server.post(PATH)).await;
    refuses(server.post(PATH).key(&Secret::new("amt_nonsense"))).await;
    refuses(server.post(PATH).with(&server.sign_in_as(Persona::Owner).await)).await;
    let listed = async || server.post(PATH).key(&agent.key).json(&tools_list()).send().await;
    assert_eq!(listed().await.status, 200);
    // The next request after the revocation is refused.
    let owner = server.actor(Persona::Owner).await;
    keys::revoke(&server.app, &owner, agent.id).await.expect("it is revoked");
    refuses(server.post(PATH).key(&agent.key)).await;
    // A body is not read for somebody without a key.
    refuses(server.post(PATH).key(&agent.key).header("mcp-protocol-version", "1")).await;
}

#[apply(on_both_engines!)]
async fn kinds_ranges_and_limits_apply(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.actor(Persona::Owner).await;
    let status = async |draft: Draft| {
        let key = keys::create(&server.app, &owner, &draft, None).await.expect("a key").plaintext;
        server.post(PATH).key(&key).json(&tools_list()).send().await.status.as_u16()
    };
    for (kind, expected) in
        [(Kind::Mcp, 200), (Kind::Live, 200), (Kind::Claw, 200), (Kind::Test, 403), (Kind::Secret, 403)]
    {
        assert_eq!(status(Draft { kind, ..draft(kind.as_str()) }).await, expected, "{kind}");
    }
    let ranges = vec!["198.51.100.0/24".to_owned()];
    assert_eq!(status(Draft { ranges, ..draft("elsewhere") }).await, 403);
    assert_eq!(status(Draft { role: Some(Role::None), ..draft("of a customer") }).await, 403);
    let limited = Draft { rate_limit: Some(1), ..draft("limited") };
    let key = keys::create(&server.app, &owner, &limited, None).await.expect("a key");
    let send = async || server.post(PATH).key(&key.plaintext).json(&tools_list()).send().await;
    assert_eq!(send().await.header("ratelimit"), "\"minute\";r=0;t=60");
    let refused = send().await;
    assert_eq!((refused.status.as_u16(), refused.header("retry-after")), (429, "60"));
    let calls = keys::find(&server.app, &owner, key.key.id).await.expect("the key").calls;
    assert_eq!(calls, 1, "a request counts");
    let strict = Server::with(engine, &[("LATCHKEY_MCP_KINDS", "mcp")]).await;
    let live = strict.key_of(Persona::Owner).await;
    assert_eq!(strict.post(PATH).key(&live).json(&tools_list()).send().await.status, 403);
}

#[apply(on_both_engines!)]
async fn pages_of_other_origins_are_refused(engine: Engine) {
    let server = Server::on(engine).await;
    let agent = Agent::of(&server, Persona::Owner).await;
    for (origin, expected) in [
        (PUBLIC_URL, 200),
        ("http://latchkey.test:8080", 403),
        ("https://latchkey.test", 403),
        ("http://evil.test", 403),
        ("null", 403),
    ] {
        let call = server.post(PATH).header("origin", origin).key(&agent.key);
        assert_eq!(call.json(&tools_list()).send().await.status, expected, "{origin}");
    }
    let call = server.call_at(PATH).header("host", "evil.test").key(&agent.key);
    assert!(call.json(&tools_list()).send().await.status.is_client_error());
    let call = server.get(PATH).key(&agent.key).send().await;
    assert_eq!((call.status.as_u16(), call.header("allow")), (405, "POST"));
}
