//! Letters about requests.

use std::time::Duration;

use macro_rules_attribute::apply;

use super::*;
use crate::platform::db::Engine;
use crate::tests::harness::on_both_engines;
use crate::tests::mail::Sink;

#[apply(on_both_engines!)]
async fn deciders_get_one_letter_an_hour_and_the_requester_gets_the_decision(engine: Engine) {
    let mut sink = Sink::start().await;
    let server = Server::with(engine, &sink.settings()).await;
    let (owner, admin) = (server.actor(Persona::Owner).await, server.actor(Persona::Admin).await);
    server.actor(Persona::Member).await;
    server.set_policy(&approval_from(Role::Admin)).await;
    let first = server.request_key(&admin, "one", Role::Admin).await;
    let letter = sink.letter().await;
    assert_eq!(letter.to, ["owner@tidewater.example"]);
    assert_eq!(letter.link(), format!("/approvals/{first}"));
    let second = server.request_key(&admin, "two", Role::Admin).await;
    server.decide_request(&owner, second, ApprovalVerdict::Deny).await.expect("it is denied");
    let letter = sink.letter().await;
    assert_eq!(letter.to, ["admin@tidewater.example"], "the second request came without a letter");
    assert!(letter.header("Subject").contains("denied") && letter.text().contains("No."));
    server.clock.advance(Duration::from_secs(60 * 60));
    let third = server.request_key(&admin, "three", Role::Admin).await;
    assert_eq!(sink.letter().await.link(), format!("/approvals/{third}"));
    server.approve_request(&owner, third).await;
    assert!(sink.letter().await.header("Subject").contains("approved"));
}
