//! Tests of the endpoints for monitoring, and of errors while the database is away.

use macro_rules_attribute::apply;

use super::harness::{Server, on_both_engines};
use crate::platform::db::Engine;

#[apply(on_both_engines!)]
async fn a_healthy_server_is_ready(engine: Engine) {
    let server = Server::on(engine).await;
    assert_eq!(server.get("/healthz").send().await.text(), "ok\n");
    assert_eq!(server.get("/readyz").send().await.text(), "ready\n");
}

#[apply(on_both_engines!)]
async fn a_stopping_server_is_alive_and_not_ready(engine: Engine) {
    let server = Server::on(engine).await;
    server.app.stop();
    assert_eq!(server.get("/healthz").send().await.status, 200);
    let response = server.get("/readyz").send().await;
    assert_eq!((response.status.as_u16(), response.header("retry-after")), (503, "2"));
}

#[apply(on_both_engines!)]
async fn a_lost_database_is_reported(engine: Engine) {
    let server = Server::on(engine).await;
    server.app.db.close().await;
    assert_eq!(server.get("/healthz").send().await.status, 200);
    let response = server.get("/readyz").send().await;
    assert_eq!(
        (response.status.as_u16(), response.header("content-type")),
        (503, "application/problem+json")
    );
    assert!(!response.text().to_lowercase().contains("pool"), "{}", response.text());
}

#[apply(on_both_engines!)]
async fn metrics_name_routes_and_never_addresses(engine: Engine) {
    let server = Server::on(engine).await;
    server.get("/no-such-page?token=ak_live_secret").send().await;
    server.get("/healthz").send().await;
    let page = server.metrics().await;
    assert!(
        page.contains("latchkey_http_requests_total{method=\"GET\",route=\"/healthz\",status=\"200\"} 1"),
        "{page}"
    );
    assert!(page.contains("route=\"none\",status=\"404\"} 1"), "{page}");
    assert!(!page.contains("ak_live_secret") && !page.contains("no-such-page"), "{page}");
}
