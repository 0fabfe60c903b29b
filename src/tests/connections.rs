//! Tests of connections over real sockets.

use macro_rules_attribute::apply;
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::harness::{Server, on_both_engines};
use super::sockets::{ListeningServer, PATIENCE};
use crate::platform::db::Engine;
use crate::platform::http::serve::serve_starting;
use crate::platform::live::Topic;
use crate::shared::UserId;

const IMPATIENT: &[(&str, &str)] = &[("LATCHKEY_SEND_TIMEOUT", "1s")];
/// Rows that are more than the buffers of a connection hold.
const COPIES: u32 = 12_000;

async fn read_until(stream: &mut TcpStream, text: &str) -> String {
    let mut read = Vec::new();
    let reading = async {
        loop {
            let count = stream.read_buf(&mut read).await.expect("bytes");
            assert!(count > 0, "the connection ended");
            let fresh = &read[read.len().saturating_sub(count + text.len())..];
            if fresh.windows(text.len()).any(|window| window == text.as_bytes()) {
                return;
            }
        }
    };
    timeout(PATIENCE, reading).await.expect("it arrives");
    String::from_utf8_lossy(&read).into_owned()
}

impl Server {
    /// Alice with her cookies and a long log.
    async fn long_log(&self) -> (UserId, String) {
        let alice = self.alice().await;
        let here = self.session_of(&alice).await;
        for name in ["Al", "Alice", "Alma"] {
            self.submit(&here, "/settings/profile", &[("name", name)]).await;
        }
        self.copy_events(COPIES).await;
        (alice.id, here)
    }
}

/// A client that does not read is disconnected; a client that waits for data is not.
#[apply(on_both_engines!)]
async fn a_client_that_reads_nothing_is_cut_off(engine: Engine) {
    let server = Server::with(engine, IMPATIENT).await;
    let (alice, here) = server.long_log().await;
    let listening = ListeningServer::start(&server).await;
    let mut live = listening.request("/live?topic=person:mail", &here).await;
    read_until(&mut live, "\r\n\r\n").await;
    let idle = listening.request("/settings/audit-log/export", &here).await;
    let cut_off = timeout(PATIENCE, idle.ready(Interest::ERROR)).await;
    assert!(cut_off.is_ok(), "the connection is held");
    assert_eq!(
        idle.take_error().expect("a state").map(|error| error.kind()),
        Some(std::io::ErrorKind::ConnectionReset)
    );
    server.app.live.publish(Topic::of_person(alice, "mail"), "still here");
    read_until(&mut live, "still here").await;
    drop(live);
    server.app.stop();
    listening.stop().await;
}

#[apply(on_both_engines!)]
async fn a_client_that_reads_gets_all_of_it(engine: Engine) {
    let server = Server::with(engine, IMPATIENT).await;
    let (_, here) = server.long_log().await;
    let listening = ListeningServer::start(&server).await;
    let mut stream = listening.request("/settings/audit-log/export", &here).await;
    let text = read_until(&mut stream, "\r\n0\r\n\r\n").await;
    assert_eq!(text.matches("\"action\":\"person.renamed\"").count(), 3 * (COPIES as usize + 1));
    drop(stream);
    listening.stop().await;
}

/// An error in the middle: the connection ends, and the end of the body never comes.
#[apply(on_both_engines!)]
async fn a_broken_export_does_not_look_whole(engine: Engine) {
    let server = Server::on(engine).await;
    let (_, here) = server.long_log().await;
    let listening = ListeningServer::start(&server).await;
    let mut stream = listening.request("/settings/audit-log/export", &here).await;
    read_until(&mut stream, "person.renamed").await;
    server.app.db.close().await;
    let mut rest = Vec::new();
    let end = timeout(PATIENCE, stream.read_to_end(&mut rest)).await.expect("it ends");
    assert!(end.is_err() || !rest.ends_with(b"0\r\n\r\n"), "it looks whole");
    listening.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_may_wait_between_two_requests() {
    let settings = [("LATCHKEY_HEADER_TIMEOUT", "100ms"), ("LATCHKEY_KEEP_ALIVE_TIMEOUT", "1h")];
    let server = Server::with(Engine::Sqlite, &settings).await;
    let listening = ListeningServer::start(&server).await;
    let mut waiting = listening.request("/healthz", "").await;
    read_until(&mut waiting, "ok").await;
    // Once this one is closed, the other has waited longer than headers may take.
    let mut slow = TcpStream::connect(listening.address).await.expect("a connection");
    slow.write_all(b"GET /heal").await.expect("a part of a request");
    until_closed(&mut slow).await;
    waiting
        .write_all(b"GET /healthz HTTP/1.1\r\nhost: latchkey.test\r\n\r\n")
        .await
        .expect("another request");
    read_until(&mut waiting, "ok").await;
    waiting.write_all(b"GET /heal").await.expect("a part of a request");
    until_closed(&mut waiting).await;
    listening.stop().await;
}

#[tokio::test]
async fn a_server_that_waits_for_its_database_says_so() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let starting = tokio::spawn(async move { serve_starting(&listener).await });
    for (path, status) in [("/healthz", "200"), ("/readyz", "503"), ("/sign-in", "503")] {
        let mut stream = TcpStream::connect(address).await.expect("a connection");
        let request = format!("GET {path} HTTP/1.1\r\nhost: latchkey.test\r\n\r\n");
        stream.write_all(request.as_bytes()).await.expect("a request");
        let mut response = String::new();
        timeout(PATIENCE, stream.read_to_string(&mut response)).await.expect("an end").expect("text");
        assert!(response.starts_with(&format!("HTTP/1.1 {status} ")), "{path}: {response}");
        assert_eq!(status == "503", response.contains("retry-after: 2"), "{path}: {response}");
    }
    starting.abort();
}

const POSTED: [&str; 5] =
    ["/api/v1/keys", "/api/v1/keys/verify", "/sign-out", "/settings/profile", "/nowhere"];

/// Many clients send headers and body apart. A response that comes before the body must not close the connection.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_nobody_reads_keeps_the_connection() {
    let server = Server::on(Engine::Sqlite).await;
    let listening = ListeningServer::start(&server).await;
    let mut stream = TcpStream::connect(listening.address).await.expect("a connection");
    stream.set_nodelay(true).expect("packets at once");
    for _ in 0..20 {
        for path in POSTED {
            for (framing, body) in
                [("content-length: 2", "{}"), ("transfer-encoding: chunked", "2\r\n{}\r\n0\r\n\r\n")]
            {
                let head = format!("POST {path} HTTP/1.1\r\nhost: latchkey.test\r\n{framing}\r\n\r\n");
                stream.write_all(head.as_bytes()).await.expect("an open connection");
                tokio::task::yield_now().await;
                stream.write_all(body.as_bytes()).await.expect("an open connection");
                let response = read_until(&mut stream, "\r\n\r\n").await;
                assert!(!response.contains("connection: close"), "{path}: {response}");
            }
        }
    }
    drop(stream);
    listening.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_response_before_a_body_that_is_not_read_says_that_the_connection_closes() {
    let server = Server::on(Engine::Sqlite).await;
    let listening = ListeningServer::start(&server).await;
    for path in POSTED {
        for framing in [
            "content-length: 2",
            "content-length: 10000000",
            "content-length: 2\r\nexpect: 100-continue",
            "transfer-encoding: chunked",
        ] {
            let mut stream = TcpStream::connect(listening.address).await.expect("a connection");
            let head = format!("POST {path} HTTP/1.1\r\nhost: latchkey.test\r\n{framing}\r\n\r\n");
            stream.write_all(head.as_bytes()).await.expect("headers");
            let mut response = String::new();
            timeout(PATIENCE, stream.read_to_string(&mut response)).await.expect("an end").expect("text");
            assert!(response.contains("connection: close"), "{path}, {framing}: {response}");
            assert!(!response.contains("100 Continue"), "{path}, {framing}: {response}");
        }
    }
    listening.stop().await;
}

async fn until_closed(stream: &mut TcpStream) {
    // A connection with unread bytes is closed by a reset, which is an error here.
    let _ = timeout(PATIENCE, stream.read_to_end(&mut Vec::new())).await.expect("it is closed");
}
