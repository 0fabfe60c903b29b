//! Tests of the hint in the log about a reverse proxy that is not in `trusted_proxies`.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use macro_rules_attribute::apply;

use super::harness::{Server, on_both_engines};
use crate::platform::db::Engine;

/// Collects what this thread logs while the guard lives.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn capture(&self) -> tracing::subscriber::DefaultGuard {
        let log = self.clone();
        let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || log.clone()).finish();
        tracing::subscriber::set_default(subscriber)
    }

    fn hints(&self) -> Vec<String> {
        let bytes = self.0.lock().expect("the log").clone();
        let text = String::from_utf8(bytes).expect("UTF-8");
        text.lines().filter(|line| line.contains("trusted_proxies")).map(str::to_owned).collect()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("the log").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

const LEAN: &str = "/api/v1/authorize?org=01a1f866-0d00-7fff-bfff-ffffffffffff";

#[apply(on_both_engines!)]
async fn an_untrusted_proxy_leaves_one_hint(engine: Engine) {
    let server = Server::with(engine, &[("LATCHKEY_TRUSTED_PROXIES", "10.0.0.0/8")]).await;
    let log = Log::default();
    let _capturing = log.capture();
    let headers = [
        ("x-forwarded-for", "198.51.100.1"),
        ("forwarded", "for=198.51.100.1"),
        ("x-real-ip", "198.51.100.1"),
    ];

    for path in ["/sign-in", LEAN] {
        server.get(path).from("192.0.2.1").send().await;
        for (name, value) in headers {
            server.get(path).from("10.0.0.1").header(name, value).send().await;
        }
    }
    assert!(log.hints().is_empty(), "nothing was forwarded, or by a trusted proxy: {:?}", log.hints());

    for _ in 0..3 {
        for path in ["/sign-in", LEAN] {
            for (name, value) in headers {
                server.get(path).from("192.0.2.1").header(name, value).send().await;
            }
        }
    }
    let hints = log.hints();
    assert_eq!(hints.len(), 1, "{hints:?}");
    assert!(
        hints[0].contains("WARN") && hints[0].contains("192.0.2.1") && !hints[0].contains("198.51.100.1"),
        "{hints:?}"
    );
}

#[apply(on_both_engines!)]
async fn every_kind_of_route_logs_the_hint_and_their_number_is_limited(engine: Engine) {
    let server = Server::on(engine).await;
    let log = Log::default();
    let _capturing = log.capture();
    for (place, path) in ["/sign-in", LEAN].into_iter().enumerate() {
        server
            .get(path)
            .from(&format!("192.0.2.{place}"))
            .header("x-forwarded-for", "198.51.100.1")
            .send()
            .await;
        assert_eq!(log.hints().len(), place + 1, "{path}");
    }
    for number in 0..40 {
        let address = format!("2001:db8::{number}");
        server.get(LEAN).from(&address).header("x-real-ip", "198.51.100.1").send().await;
    }
    assert_eq!(log.hints().len(), 16);
}
