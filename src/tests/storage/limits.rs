//! Limits that the operating system sets for a process. Each of these tests runs another one in a process of its own.

use std::fs::File;
use std::process::Command;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;

use super::{CHEAP_HASHING, expect_unavailable};
use crate::platform::db::Engine;
use crate::platform::process::survive_file_size_limit;
use crate::tests::harness::Server;
use crate::tests::personas::Persona;
use crate::tests::sockets::ListeningServer;
use crate::usage::Outcome;

/// Runs a test of this file below a limit that a shell command sets.
fn run_below(limit: &str, test: &str) {
    let (_, module) = module_path!().split_once("::").expect("a module of the crate");
    let run = Command::new("sh")
        .args(["-c", &format!("{limit} && exec \"$0\" \"$@\"")])
        .arg(std::env::current_exe().expect("this program"))
        .args(["--exact", &format!("{module}::{test}"), "--ignored"])
        .output()
        .expect("it runs");
    let output = String::from_utf8_lossy(&run.stdout);
    let errors = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success() && output.contains("1 passed"), "{}\n{output}\n{errors}", run.status);
}

#[test]
fn files_that_may_not_grow_are_a_full_disk() {
    run_below("ulimit -S -f 4000", "with_limited_file_size");
}

#[ignore = "needs a process of its own"]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_limited_file_size() {
    survive_file_size_limit().expect("a handler");
    let server = Server::with(Engine::Sqlite, CHEAP_HASHING).await;
    let admin = server.key_of(Persona::Owner).await;
    let mut number = 0;
    let refused = loop {
        let response = server.create(&admin, &format!("key {number}")).await;
        if response.status != 201 {
            break response;
        }
        number += 1;
        assert!(number < 5_000, "nothing limits the file");
    };
    expect_unavailable(&refused);
    server.expect_not_ready("full").await;
    assert_eq!(server.check(&admin).await, Outcome::Valid);
    let process = std::process::id().to_string();
    let raised = Command::new("prlimit").args(["--fsize=unlimited", "--pid", &process]).status();
    assert!(raised.expect("prlimit runs").success());
    server.expect_ready().await;
    let response = server.create(&admin, "with room again").await;
    assert_eq!(response.status, 201, "{}", response.text());
}

#[test]
fn too_many_open_files_have_a_reason_of_their_own() {
    run_below("ulimit -S -n 200", "with_limited_open_files");
}

#[ignore = "needs a process of its own"]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_limited_open_files() {
    let timeout = ("LATCHKEY_DATABASE_TIMEOUT", "1s");
    let server = Server::with(Engine::Sqlite, &[CHEAP_HASHING[0], timeout]).await;
    let admin = server.key_of(Persona::Owner).await;
    server.expect_ready().await;
    assert_eq!(server.check(&admin).await, Outcome::Valid);
    let files: Vec<File> = std::iter::repeat_with(|| File::open("/dev/null")).map_while(Result::ok).collect();
    server.expect_not_ready("too many open files").await;
    assert_eq!(server.check(&admin).await, Outcome::Valid, "from memory");
    // A request that comes while the connection is on its way back to the pool tries in vain to open another one.
    for tries in 1.. {
        let response = server.create(&admin, "over an open connection").await;
        if response.status == 201 {
            break;
        }
        expect_unavailable(&response);
        assert!(tries < 20, "no request got the open connection");
    }
    drop(files);
    server.expect_ready().await;
}

#[test]
fn clients_that_wait_for_open_files_are_served_soon() {
    run_below("ulimit -S -n 300", "with_few_open_files_for_connections");
}

/// Four clients at a time can be accepted. A pause of a second after each would take fifteen seconds.
#[ignore = "needs a process of its own"]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_few_open_files_for_connections() {
    let server = Server::with(Engine::Sqlite, CHEAP_HASHING).await;
    let listening = ListeningServer::start(&server).await;
    let sockets: Vec<_> = (0..60).map(|_| TcpSocket::new_v4().expect("a socket")).collect();
    let mut files: Vec<File> =
        std::iter::repeat_with(|| File::open("/dev/null")).map_while(Result::ok).collect();
    files.truncate(files.len() - 4);
    let clients = sockets.into_iter().map(async |socket| {
        let mut stream = socket.connect(listening.address).await.expect("a connection");
        let request = b"GET /healthz HTTP/1.1\r\nhost: latchkey.test\r\nconnection: close\r\n\r\n";
        stream.write_all(request).await.expect("a request");
        let mut response = String::new();
        stream.read_to_string(&mut response).await.expect("a response");
        assert!(response.starts_with("HTTP/1.1 200"), "{response}");
        // The client's own socket stays open, so that no more clients fit than at the start.
        stream
    });
    let all = futures_util::future::join_all(clients);
    tokio::time::timeout(Duration::from_secs(8), all).await.expect("all are served");
    drop(files);
    listening.stop().await;
}
