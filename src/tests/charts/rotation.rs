//! Tests of the share of calls with the old secret since a rotation.

use std::time::Duration;

use macro_rules_attribute::apply;

use super::super::harness::{Server, on_both_engines};
use super::super::pages::shown;
use super::super::personas::Persona;
use super::{DAY, HOUR};
use crate::platform::db::Engine;

#[apply(on_both_engines!)]
async fn calls_before_a_rotation_do_not_count(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.sign_in_as(Persona::Owner).await;
    let (id, old) = server.made_key(&owner, "ci-deploy").await;
    server.checks(&old, 50).await;
    server.clock.advance(Duration::from_secs(20 * 60));
    let path = format!("/settings/api-keys/{id}");
    let response =
        server.submit(&owner, &format!("{path}/rotate"), &[("overlap", "custom"), ("hours", "240")]).await;
    let new = shown(&response).expect("a secret");
    server.checks(&old, 3).await;
    let page = server.page(&owner, &path).await;
    assert!(
        page.contains("Calls since the rotation will be counted from <time")
            && page.contains(">20 Nov, 11:00 UTC</time>")
    );
    assert!(!page.contains(" calls since "), "the hour of the rotation contains calls from before it");

    server.clock.advance(HOUR);
    assert!(server.page(&owner, &path).await.contains("0 of 0 calls since "));
    server.checks(&old, 1).await;
    server.checks(&new, 3).await;
    // Refused requests may come from somebody who knows only the public id.
    let owner = server.sign_in_as(Persona::Owner).await;
    for _ in 0..2 {
        let page = server.page(&owner, &path).await;
        assert!(page.contains("1 of 4 calls since ") && page.contains("3 of 4 calls since "), "{page}");
        assert!(page.contains(">25%</span>") && page.contains(">75%</span>"), "{page}");
        server.write_usage().await;
    }
    server.clock.advance(DAY * 2);
    let owner = server.sign_in_as(Persona::Owner).await;
    server.checks(&new, 4).await;
    let page = server.page(&owner, &path).await;
    assert!(page.contains("1 of 8 calls since ") && page.contains(">13%</span>"), "not only of the last day");
}

#[apply(on_both_engines!)]
async fn a_rotation_at_a_full_hour_counts_at_once(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.sign_in_as(Persona::Owner).await;
    let (id, old) = server.made_key(&owner, "ci-deploy").await;
    server.clock.advance(Duration::from_secs(60 * 60 - 1));
    server.checks(&old, 5).await;
    server.clock.advance(Duration::from_secs(1));
    let path = format!("/settings/api-keys/{id}");
    let rotated = server.submit(&owner, &format!("{path}/rotate"), &[("overlap", "24")]).await;
    let new = shown(&rotated).expect("a secret");
    server.checks(&old, 1).await;
    server.checks(&new, 1).await;
    let page = server.page(&owner, &path).await;
    assert!(page.contains("1 of 2 calls since ") && page.contains(">20 Nov, 11:00 UTC</time>"), "{page}");
}
