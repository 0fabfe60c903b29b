//! The documents in which apps find the endpoints.

use macro_rules_attribute::apply;
use serde_json::json;

use super::RESOURCE;
use crate::platform::db::Engine;
use crate::tests::device::GRANT;
use crate::tests::harness::{PUBLIC_URL, Server, on_both_engines};

#[apply(on_both_engines!)]
async fn apps_find_the_endpoints(engine: Engine) {
    let server = Server::on(engine).await;
    let body = server.get("/.well-known/oauth-authorization-server").send().await.json();
    assert_eq!(body["issuer"], PUBLIC_URL);
    for (name, path) in [
        ("authorization_endpoint", "/oauth/authorize"),
        ("token_endpoint", "/oauth/token"),
        ("registration_endpoint", "/oauth/register"),
        ("device_authorization_endpoint", "/oauth/device_authorization"),
    ] {
        assert_eq!(body[name], format!("{PUBLIC_URL}{path}"));
    }
    assert_eq!(body["response_types_supported"], json!(["code"]));
    assert_eq!(body["grant_types_supported"], json!(["authorization_code", "refresh_token", GRANT]));
    assert_eq!(body["code_challenge_methods_supported"], json!(["S256"]));
    assert_eq!(body["token_endpoint_auth_methods_supported"], json!(["none"]));
    assert_eq!(body["client_id_metadata_document_supported"], true);
    assert_eq!(body["authorization_response_iss_parameter_supported"], true);
    assert_eq!(body["scopes_supported"], json!(["viewer", "member", "admin", "owner"]));
    assert_eq!(server.get("/.well-known/openid-configuration").send().await.status, 404);
}

#[apply(on_both_engines!)]
async fn the_endpoint_names_its_authorization_server(engine: Engine) {
    let server = Server::on(engine).await;
    for path in ["/.well-known/oauth-protected-resource", "/.well-known/oauth-protected-resource/api/mcp"] {
        let response = server.get(path).send().await;
        assert_eq!(response.header("content-type"), "application/json");
        let body = response.json();
        assert_eq!(body["resource"], RESOURCE, "{path}");
        assert_eq!(body["authorization_servers"], json!([PUBLIC_URL]));
        assert_eq!(body["bearer_methods_supported"], json!(["header"]));
    }
}
