//! Tests of downloads of the audit log's export.

use std::io::Read;

use axum::body::Bytes;
use axum::http::Method;
use macro_rules_attribute::apply;

use super::harness::{Server, on_both_engines};
use super::personas::Persona;
use crate::platform::db::Engine;

const EXPORT: &str = "/settings/audit-log/export";
/// The Accept-Encoding header that Chromium sends. Compressing with anything but gzip takes megabytes while the client reads.
const BROWSER: &str = "gzip, deflate, br, zstd";

fn decoded(encoding: &str, mut body: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    match encoding {
        "gzip" => flate2::read::GzDecoder::new(body).read_to_end(&mut plain).map(drop),
        "" => body.read_to_end(&mut plain).map(drop),
        other => panic!("what is {other}?"),
    }
    .expect("a whole body");
    plain
}

impl Server {
    /// Cookies of somebody who may read a log with 3,000 events.
    pub async fn reader_of_much(&self) -> String {
        let alice = self.alice().await;
        let here = self.session_of(&alice).await;
        for name in ["Al", "Alice", "Alma"] {
            self.submit(&here, "/settings/profile", &[("name", name)]).await;
        }
        self.copy_events(999).await;
        here
    }
}

#[apply(on_both_engines!)]
async fn an_export_is_whole_however_it_is_encoded(engine: Engine) {
    let server = Server::on(engine).await;
    let here = server.reader_of_much().await;
    let get = |accepted: &str| {
        let call = server.get(EXPORT).with(&here);
        let call = if accepted.is_empty() { call } else { call.header("accept-encoding", accepted) };
        async move { call.send().await }
    };
    let plain = get("").await;
    assert_eq!((plain.header("content-encoding"), plain.text().lines().count()), ("", 3_000));
    for accepted in ["identity", "gzip", "br", "br;q=0.1, gzip", "gzip;q=0.1, br", "gzip, br", BROWSER] {
        let response = get(accepted).await;
        let encoding = response.header("content-encoding");
        let expected = if accepted.contains("gzip") { "gzip" } else { "" };
        assert_eq!(encoding, expected, "{accepted}");
        assert!(decoded(encoding, &response.body) == plain.body, "{accepted}: not the same bytes");
        assert!(response.header("content-disposition").contains("audit-log.jsonl"), "{accepted}");
    }
}

#[apply(on_both_engines!)]
async fn asking_for_the_head_of_an_export_reads_nothing(engine: Engine) {
    let server = Server::on(engine).await;
    let here = server.reader_of_much().await;
    for accepted in ["identity", "gzip", "br", BROWSER] {
        let call = server.call(Method::HEAD, EXPORT).with(&here).header("accept-encoding", accepted);
        let response = call.send().await;
        assert_eq!((response.status.as_u16(), response.header("content-type")), (200, "application/jsonl"));
        assert!(response.body.is_empty(), "{accepted}");
    }
}

#[apply(on_both_engines!)]
async fn downloads_beyond_the_limit_are_refused(engine: Engine) {
    let server = Server::on(engine).await;
    let here = server.reader_of_much().await;
    let download = || server.get(EXPORT).with(&here).open();
    let mut running = Vec::new();
    let refused = loop {
        let download = download().await;
        if download.status != 200 {
            break download;
        }
        running.push(download);
        assert!(running.len() < 100, "nothing limits them");
    };
    assert_eq!((refused.status.as_u16(), refused.header("retry-after")), (503, "5"));
    running.pop();
    assert_eq!(download().await.status, 200);
}

#[apply(on_both_engines!)]
async fn one_organization_cannot_take_all_downloads(engine: Engine) {
    let server = Server::on(engine).await;
    let here = server.reader_of_much().await;
    let stranger = server.sign_in_as(Persona::Stranger).await;
    let mut running = Vec::new();
    for _ in 0..4 {
        running.push(server.get(EXPORT).with(&here).open().await);
    }
    assert!(running.iter().all(|download| download.status == 200));
    assert_eq!(server.get(EXPORT).with(&here).open().await.status, 503);
    assert_eq!(server.get(EXPORT).with(&stranger).open().await.status, 200);
}

/// More of them than there are connections to the database.
#[apply(on_both_engines!)]
async fn aborted_downloads_release_their_resources(engine: Engine) {
    let server = Server::on(engine).await;
    let here = server.reader_of_much().await;
    for turn in 0..20 {
        let accepted = if turn % 2 == 0 { BROWSER } else { "identity" };
        let mut response = server.get(EXPORT).with(&here).header("accept-encoding", accepted).open().await;
        assert!(response.frame().await.expect("a piece").is_ok());
    }
    assert_eq!(server.get(EXPORT).with(&here).send().await.text().lines().count(), 3_000);
}

/// A client must be able to tell a partial export from a complete one.
#[apply(on_both_engines!)]
async fn an_export_that_fails_in_the_middle_ends_with_an_error(engine: Engine) {
    let server = Server::on(engine).await;
    let here = server.reader_of_much().await;
    let open =
        async |accepted| server.get(EXPORT).with(&here).header("accept-encoding", accepted).open().await;
    let (mut plain, gzip) = (open("identity").await, open("gzip").await);
    let first: Bytes = plain.frame().await.expect("a piece").expect("bytes");
    assert!(!first.is_empty());
    server.app.db.close().await;
    for (response, accepted) in [(plain, "identity"), (gzip, "gzip")] {
        assert!(response.whole().await.is_err(), "{accepted}");
    }
}
