//! What applies to every route: security headers, the cross-site check, client addresses, the format of errors.

use macro_rules_attribute::apply;

use super::harness::{PUBLIC_URL, Server, on_both_engines};
use crate::platform::db::Engine;
use crate::platform::http::Audience;

#[apply(on_both_engines!)]
async fn every_response_has_the_security_headers(engine: Engine) {
    let server = Server::on(engine).await;
    for path in ["/", "/favicon.svg", "/healthz", "/no-such-page", "/api/v1/nothing", "/metrics"] {
        let response = server.get(path).browser().send().await;
        assert_eq!(response.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(response.header("referrer-policy"), "same-origin", "{path}");
        assert!(response.header("content-security-policy").contains("default-src 'none'"), "{path}");
        assert!(response.header("content-security-policy").contains("frame-ancestors 'none'"), "{path}");
        assert!(response.header("x-request-id").starts_with("req_"), "{path}");
        assert_ne!(response.header("cache-control"), "", "{path}");
    }
}

#[apply(on_both_engines!)]
async fn a_page_runs_only_scripts_with_its_own_nonce(engine: Engine) {
    let server = Server::on(engine).await;
    let mut seen = Vec::new();
    for path in ["/", "/no-such-page", "/"] {
        let response = server.get(path).browser().send().await;
        let policy = response.header("content-security-policy");
        assert!(!policy.contains("unsafe-inline") && !policy.contains("'unsafe-eval'"), "{policy}");
        let nonce = policy.split("'nonce-").nth(1).and_then(|rest| rest.split('\'').next()).expect("a nonce");
        let page = response.text();
        let scripts = page.matches("<script").count();
        assert!(scripts > 0 && scripts == page.matches(&format!("nonce=\"{nonce}\"")).count(), "{page}");
        assert!(
            !page.contains(" style=") && !page.contains("<style") && !page.contains(" onclick="),
            "{page}"
        );
        assert!(!seen.contains(&nonce.to_owned()), "a nonce came twice");
        seen.push(nonce.to_owned());
    }
}

#[apply(on_both_engines!)]
async fn https_adds_strict_transport_security(engine: Engine) {
    let plain = Server::on(engine).await;
    assert_eq!(plain.get("/").send().await.header("strict-transport-security"), "");
    let secure = Server::with(engine, &[("LATCHKEY_PUBLIC_URL", "https://latchkey.test")]).await;
    assert_ne!(secure.get("/").send().await.header("strict-transport-security"), "");
}

#[apply(on_both_engines!)]
async fn requests_from_other_sites_change_nothing(engine: Engine) {
    let server = Server::on(engine).await;
    let refused: [&[(&str, &str)]; 5] = [
        &[("sec-fetch-site", "cross-site"), ("origin", PUBLIC_URL)],
        &[("sec-fetch-site", "same-site")],
        &[("sec-fetch-site", "none")],
        &[("origin", "http://evil.test")],
        &[],
    ];
    for headers in refused {
        let mut call = server.post("/no-such-page");
        for (name, value) in headers {
            call = call.header(name, value);
        }
        assert_eq!(call.send().await.status, 403, "{headers:?}");
    }
    for (name, value) in [("sec-fetch-site", "same-origin"), ("origin", PUBLIC_URL)] {
        assert_eq!(server.post("/no-such-page").header(name, value).send().await.status, 404, "{name}");
    }
    // Routes for programs ignore cookies, so another site cannot abuse them.
    assert_eq!(
        server.post("/api/v1/nothing").header("sec-fetch-site", "cross-site").send().await.status,
        404
    );
}

/// Every route that takes a session is checked, wherever its path is.
#[apply(on_both_engines!)]
async fn no_form_of_a_page_can_be_sent_by_another_site(engine: Engine) {
    let server = Server::on(engine).await;
    let routes = crate::server::routes();
    let forms = routes.list().iter().filter(|route| route.audience == Audience::Person);
    let mut checked = 0;
    for route in forms.filter(|route| route.method != axum::http::Method::GET) {
        let call = server.call(route.method.clone(), route.path).browser();
        let response = call.header("sec-fetch-site", "cross-site").form(&[]).send().await;
        assert_eq!(response.status, 403, "{}", route.path);
        assert!(response.text().contains("did not come from a page"), "{}", route.path);
        checked += usize::from(route.path == "/oauth/authorize" || route.path == "/auth/device");
    }
    assert_eq!(checked, 2);
}

#[apply(on_both_engines!)]
async fn problems_have_the_format_of_their_path(engine: Engine) {
    let server = Server::on(engine).await;
    let page = server.get("/no-such-page").browser().send().await;
    assert_eq!((page.status.as_u16(), page.header("content-type")), (404, "text/html; charset=utf-8"));
    assert!(page.text().contains(page.header("x-request-id")), "{}", page.text());

    let program = server.get("/api/v1/nothing").browser().send().await;
    assert_eq!((program.status.as_u16(), program.header("content-type")), (404, "application/problem+json"));
    let body = program.json();
    assert_eq!(body["status"], 404);
    assert_eq!(body["title"], "Not found");
    assert_eq!(body["error"], "Not found");
    assert_eq!(body["message"], body["detail"]);
    assert_eq!(body["request_id"], program.header("x-request-id"));

    let oauth = server.post("/oauth/nothing").send().await;
    assert_eq!((oauth.status.as_u16(), oauth.header("content-type")), (404, "application/json"));
    assert_eq!(oauth.json()["error"], "invalid_request");
    assert!(oauth.json()["error_description"].is_string());
}

#[apply(on_both_engines!)]
async fn a_page_at_another_host_shows_both_addresses(engine: Engine) {
    let server = Server::on(engine).await;
    let here = server.get("/").browser().send().await.text();
    assert!(!here.contains("You opened this page as"));
    let request = server.call_at("http://elsewhere.test:8080/").header("host", "elsewhere.test:8080");
    let there = request.browser().send().await.text();
    assert!(there.contains("elsewhere.test:8080") && there.contains(PUBLIC_URL), "{there}");
    // The client chooses the host name, so it must be escaped.
    let hostile = server.call_at("/").header("host", "\"><script>alert(1)</script>").browser().send().await;
    assert_eq!(hostile.status, 400);
    assert!(!hostile.text().contains("<script>alert"), "{}", hostile.text());
}

/// A forged header must not make a client look local, and neither must a proxy on this machine.
#[apply(on_both_engines!)]
async fn forged_forwarding_headers_are_ignored(engine: Engine) {
    let alone = Server::on(engine).await;
    let metrics = |host: &str| alone.call_at("/metrics").header("host", host);
    assert_eq!(metrics("127.0.0.1:3000").from("127.0.0.1").send().await.status, 200);
    assert_eq!(metrics("[::1]").from("::1").send().await.status, 200);
    assert_eq!(metrics("127.0.0.1").from("203.0.113.7").send().await.status, 403);
    let forged = metrics("127.0.0.1").from("203.0.113.7").header("x-forwarded-for", "127.0.0.1");
    assert_eq!(forged.send().await.status, 403);
    for (name, value) in
        [("x-forwarded-for", "127.0.0.1"), ("forwarded", "for=127.0.0.1"), ("via", "1.1 proxy")]
    {
        assert_eq!(
            metrics("127.0.0.1").from("127.0.0.1").header(name, value).send().await.status,
            403,
            "{name}"
        );
    }
    let behind = Server::with(engine, &[("LATCHKEY_TRUSTED_PROXIES", "10.0.0.0/8, 127.0.0.1")]).await;
    let chain = behind
        .call_at("/metrics")
        .header("host", "127.0.0.1")
        .from("10.0.0.1")
        .header("x-forwarded-for", "127.0.0.1");
    assert_eq!(chain.send().await.status, 403);
}

#[apply(on_both_engines!)]
async fn a_metrics_token_gives_access_from_anywhere(engine: Engine) {
    let server = Server::with(engine, &[("LATCHKEY_METRICS_TOKEN", "s3cret-for-metrics")]).await;
    let with = |value: &'static str| server.get("/metrics").header("authorization", value);
    assert_eq!(with("Bearer s3cret-for-metrics").send().await.status, 200);
    for wrong in ["Bearer s3cret-for-metricz", "Bearer s3cret", "Bearer ", "Basic s3cret-for-metrics"] {
        assert_eq!(with(wrong).send().await.status, 403, "{wrong}");
    }
    assert_eq!(
        server.call_at("/metrics").header("host", "127.0.0.1").from("127.0.0.1").send().await.status,
        403
    );
}

/// A proxy on this machine that adds no header passes the client's Host on.
#[apply(on_both_engines!)]
async fn without_a_token_metrics_are_limited_to_loopback_hosts(engine: Engine) {
    let server = Server::on(engine).await;
    for (host, status) in [
        ("localhost:3000", 200),
        ("127.1.2.3", 200),
        ("[::1]:3000", 200),
        ("latchkey.test", 403),
        ("203.0.113.7:3000", 403),
        ("127.0.0.1.evil.test", 403),
    ] {
        let response = server.call_at("/metrics").header("host", host).from("127.0.0.1").send().await;
        assert_eq!(response.status.as_u16(), status, "{host}");
        assert_eq!(
            response.text().contains("localhost"),
            status == 403,
            "a refusal explains what to do: {host}"
        );
    }
    let absolute =
        server.call_at("http://latchkey.test/metrics").header("host", "127.0.0.1").from("127.0.0.1");
    assert_eq!(absolute.send().await.status, 403);
    let guarded = Server::with(engine, &[("LATCHKEY_METRICS_TOKEN", "s3cret-for-metrics")]).await;
    let with_token = guarded.get("/metrics").header("authorization", "Bearer s3cret-for-metrics");
    assert_eq!(with_token.send().await.status, 200, "with the token any host is fine");
}
