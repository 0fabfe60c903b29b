//! Deliveries when processes die, and when several work on one database.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use macro_rules_attribute::apply;

use super::receiver::Reply;
use super::started;
use crate::platform::db::Engine;
use crate::tests::harness::on_both_engines;
use crate::tests::personas::Persona;
use crate::webhooks::server as webhooks;

const HOUR: Duration = Duration::from_secs(60 * 60);

/// The process dies while a request is under way: the next one sends it again.
#[apply(on_both_engines!)]
async fn nothing_is_lost_when_a_process_dies(engine: Engine) {
    let (server, receiver) = started(engine).await;
    let admin = server.key_of(Persona::Admin).await;
    server.webhook(&admin, &receiver.url("/"), &["key.*"]).await;
    let owner = server.actor(Persona::Owner).await;
    let hangs = Arc::new(AtomicBool::new(true));
    let reply = Arc::clone(&hangs);
    receiver.reply(move |_| if reply.load(Ordering::SeqCst) { Reply::Nothing } else { Reply::Status(200) });
    for number in 0..3 {
        let key = server.key(&owner, &format!("key {number}")).await.key.id;
        server.toggle(&owner, key).await;
    }
    let app = server.app.clone();
    let round = tokio::spawn(async move { webhooks::deliver(&app).await });
    while receiver.received().len() < 3 {
        tokio::task::yield_now().await;
    }
    round.abort();
    hangs.store(false, Ordering::SeqCst);
    receiver.forget();
    // Another process on the same database. It waits for the leases, and nothing of the first is recorded.
    let second = server.second_process().await;
    webhooks::deliver(&second).await.expect("a round");
    assert!(receiver.received().is_empty(), "leases keep others away");
    server.clock.advance(HOUR);
    webhooks::deliver(&second).await.expect("a round");
    assert_eq!(receiver.received().len(), 9);
    assert_eq!(server.count("SELECT COUNT(*) FROM webhook_deliveries WHERE due_at IS NOT NULL").await, 0);
}

/// A server that starts on a database of its own does not wait for the leases of the one that was killed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_only_server_continues_at_once_after_a_crash() {
    let (server, receiver) = started(Engine::Sqlite).await;
    let admin = server.key_of(Persona::Admin).await;
    server.webhook(&admin, &receiver.url("/"), &["key.*"]).await;
    server.key(&server.actor(Persona::Owner).await, "one").await;
    let far = server.clock.now().plus(HOUR).millis();
    server.run(&format!("UPDATE webhook_deliveries SET lease_until = {far}")).await;
    server.deliver().await;
    assert!(receiver.received().is_empty());
    webhooks::prepare(&server.app).await.expect("a start");
    server.deliver().await;
    assert_eq!(receiver.types(), ["key.created"]);
}

/// Two processes share the work: each event is sent once, in the order of its key.
#[apply(on_both_engines!)]
async fn two_processes_deliver_each_event_once(engine: Engine) {
    let (server, receiver) = started(engine).await;
    let admin = server.key_of(Persona::Admin).await;
    server.webhook(&admin, &receiver.url("/"), &["key.*"]).await;
    let owner = server.actor(Persona::Owner).await;
    let mut ids = Vec::new();
    for number in 0..20 {
        let key = server.key(&owner, &format!("key {number}")).await.key.id;
        server.toggle(&owner, key).await;
        server.toggle(&owner, key).await;
        ids.push(key.to_string());
    }
    let second = server.second_process().await;
    let (one, two) = tokio::join!(webhooks::deliver(&server.app), webhooks::deliver(&second));
    one.expect("a round");
    two.expect("a round");
    let received = receiver.received();
    assert_eq!(received.len(), 100);
    let expected = ["key.created", "key.disabled", "key.enabled", "key.disabled", "key.enabled"];
    for id in ids {
        let own = received.iter().filter(|received| received.json()["data"]["id"] == *id);
        assert_eq!(own.map(|received| received.event_type()).collect::<Vec<_>>(), expected);
    }
    assert!(receiver.most_at_once() <= 16, "{}", receiver.most_at_once());
}
