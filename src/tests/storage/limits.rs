//! Limits that the operating system sets for a process. Each of these tests runs another one in a process of its own.

use std::fs::File;
use std::process::Command;

use super::{QUICK, expect_unavailable};
use crate::platform::db::Engine;
use crate::platform::process::survive_file_size_limit;
use crate::tests::harness::Server;
use crate::tests::personas::Persona;
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
    let server = Server::with(Engine::Sqlite, QUICK).await;
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
    let server = Server::with(Engine::Sqlite, QUICK).await;
    let admin = server.key_of(Persona::Owner).await;
    server.expect_ready().await;
    let files: Vec<File> = std::iter::repeat_with(|| File::open("/dev/null")).map_while(Result::ok).collect();
    server.expect_not_ready("too many open files").await;
    assert_eq!(server.check(&admin).await, Outcome::Valid);
    let response = server.create(&admin, "over an open connection").await;
    assert_eq!(response.status, 201, "{}", response.text());
    drop(files);
    server.expect_ready().await;
}
