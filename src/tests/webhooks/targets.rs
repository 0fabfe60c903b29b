//! Webhooks never reach the inside of the network, whatever a name leads to.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use macro_rules_attribute::apply;
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

use super::LOCAL;
use super::receiver::Receiver;
use crate::platform::db::Engine;
use crate::platform::outbound::{NameResolver, Resolution};
use crate::tests::harness::{Server, on_both_engines};
use crate::tests::personas::Persona;
use crate::webhooks::server::DeliveryDispatcher;

/// Answers with the next list of addresses each time, and with the last one from then on.
struct ScriptedResolver {
    answers: Vec<Vec<SocketAddr>>,
    asked: AtomicUsize,
}

impl ScriptedResolver {
    fn new(answers: &[&[&str]]) -> Arc<Self> {
        let parse = |address: &&str| address.parse().expect("an address");
        let answers = answers.iter().map(|answer| answer.iter().map(parse).collect()).collect();
        Arc::new(Self { answers, asked: AtomicUsize::new(0) })
    }
}

impl NameResolver for ScriptedResolver {
    fn resolve<'a>(&'a self, _: &'a str, port: u16) -> Resolution<'a> {
        let turn = self.asked.fetch_add(1, Ordering::SeqCst).min(self.answers.len() - 1);
        let mut addresses = self.answers[turn].clone();
        addresses.iter_mut().filter(|address| address.port() == 0).for_each(|address| address.set_port(port));
        Box::pin(async move { Ok(addresses) })
    }
}

/// A name that is public when the webhook is added, and leads inside when it is called.
#[apply(on_both_engines!)]
async fn a_name_that_leads_inside_later_is_not_called(engine: Engine) {
    for inside in ["169.254.169.254:0", "127.0.0.1:0", "10.0.0.1:0", "[::ffff:127.0.0.1]:0", "[::1]:0"] {
        let server = Server::with(engine, &[("LATCHKEY_KEY_HASH_COST", "1")]).await;
        // On the port of a receiver that would hear a connection.
        let receiver = Receiver::start().await;
        let resolver = ScriptedResolver::new(&[&["93.184.216.34:0"], &[inside]]);
        DeliveryDispatcher::resolve_with(&server.app, resolver.clone());
        let admin = server.key_of(Persona::Admin).await;
        let url = format!("https://hooks.example:{}/", receiver.address.port());
        let hook = server.webhook(&admin, &url, &["key.*"]).await;
        assert_eq!(resolver.asked.load(Ordering::SeqCst), 1);
        server.key(&server.actor(Persona::Owner).await, "one").await;
        server.deliver().await;
        assert_eq!(resolver.asked.load(Ordering::SeqCst), 2, "{inside}");
        let deliveries = server.deliveries(&admin, hook.id).await;
        let error = deliveries[0]["attempts"][0]["error"].as_str().expect("a text");
        assert!(error.contains("network, which this server does not call"), "{inside}: {error}");
        assert!(receiver.received().is_empty() && receiver.most_at_once() == 0);
    }
}

/// One public address among others does not make the others public.
#[apply(on_both_engines!)]
async fn a_name_with_one_address_inside_is_refused(engine: Engine) {
    let server = Server::with(engine, &[("LATCHKEY_KEY_HASH_COST", "1")]).await;
    DeliveryDispatcher::resolve_with(
        &server.app,
        ScriptedResolver::new(&[&["93.184.216.34:0", "192.168.0.1:0"]]),
    );
    let admin = server.key_of(Persona::Admin).await;
    let refused = server.add_webhook(&admin, "https://hooks.example/", &["*"]).await;
    assert_eq!(refused.status, 422);
    assert_eq!(refused.json()["errors"][0]["field"], "url");
}

#[apply(on_both_engines!)]
async fn names_of_this_machine_are_refused(engine: Engine) {
    let server = Server::with(engine, &[("LATCHKEY_KEY_HASH_COST", "1")]).await;
    let admin = server.key_of(Persona::Admin).await;
    for url in ["https://localhost/", "https://127.1/", "https://[::1]/", "https://0x7f000001/"] {
        let refused = server.add_webhook(&admin, url, &["*"]).await;
        assert_eq!(refused.status, 422, "{url}: {}", refused.text());
    }
}

/// The connection goes to the address that was checked; TLS names the host.
#[apply(on_both_engines!)]
async fn the_checked_address_is_called_under_its_name(engine: Engine) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let server = Server::with(engine, LOCAL).await;
    let resolver = ScriptedResolver::new(&[&[&address.to_string()]]);
    DeliveryDispatcher::resolve_with(&server.app, resolver.clone());
    let admin = server.key_of(Persona::Admin).await;
    let url = format!("https://hooks.example:{}/", address.port());
    server.webhook(&admin, &url, &["key.*"]).await;
    server.key(&server.actor(Persona::Owner).await, "one").await;
    let heard = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        let mut hello = vec![0; 4_096];
        let length = stream.read(&mut hello).await.expect("bytes");
        hello[..length].to_vec()
    });
    server.deliver().await;
    let hello = heard.await.expect("a hello");
    assert!(hello.windows(13).any(|part| part == b"hooks.example"), "the name is in the hello");
    // One look-up for the form and one for the connection.
    assert_eq!(resolver.asked.load(Ordering::SeqCst), 2);
}

/// http goes only where the configuration says so.
#[apply(on_both_engines!)]
async fn http_is_for_configured_targets(engine: Engine) {
    let server = Server::with(engine, LOCAL).await;
    DeliveryDispatcher::resolve_with(&server.app, ScriptedResolver::new(&[&["93.184.216.34:80"]]));
    let admin = server.key_of(Persona::Admin).await;
    let refused = server.add_webhook(&admin, "http://hooks.example/", &["*"]).await;
    assert_eq!(refused.status, 422, "{}", refused.text());
    assert!(refused.text().contains("https://"), "{}", refused.text());
}
