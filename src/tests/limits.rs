//! Tests of the limits on requests, with small limits that are reached quickly.

use macro_rules_attribute::apply;

use super::harness::{Server, on_both_engines};
use crate::platform::db::Engine;

#[apply(on_both_engines!)]
async fn too_many_headers_are_refused(engine: Engine) {
    let server = Server::with(engine, &[("LATCHKEY_MAX_HEADERS", "2KiB")]).await;
    assert_eq!(server.get("/").header("x-fill", &"x".repeat(1_500)).send().await.status, 200);
    assert_eq!(server.get("/").header("x-fill", &"x".repeat(2_100)).send().await.status, 431);
    assert_eq!(server.get(&format!("/?{}", "x".repeat(2_100))).send().await.status, 431);
}

#[apply(on_both_engines!)]
async fn a_body_over_the_limit_is_refused_unread(engine: Engine) {
    let server = Server::with(engine, &[("LATCHKEY_MAX_BODY", "1KiB")]).await;
    let response =
        server.post("/").same_origin().header("content-length", "2000").body(vec![b'x'; 2_000]).send().await;
    assert_eq!(response.status, 413);
    assert!(response.text().contains("Too large"), "{}", response.text());
}

#[apply(on_both_engines!)]
async fn odd_cookies_and_addresses_never_fail(engine: Engine) {
    let server = Server::on(engine).await;
    for cookie in ["", ";;;", "=", "a", "latchkey_theme=é", "latchkey_theme", &"x=y;".repeat(400)] {
        let response = server.get("/").header("cookie", cookie).browser().send().await;
        assert_eq!(response.status, 200, "{cookie}");
    }
    for path in
        ["/%00", "/%ff%fe", "/..%2f..%2fetc", "/assets/x/..%2f..%2fCargo.toml", "/?%zz=%", "/assets//"]
    {
        let response = server.get(path).browser().send().await;
        assert!(response.status.is_client_error() || response.status == 200, "{path}: {}", response.status);
    }
}
