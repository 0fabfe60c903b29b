//! Missing, doubled and invalid Host headers, on every kind of route, over a real socket.

use macro_rules_attribute::apply;

use super::harness::{Server, on_both_engines};
use super::sockets::{ListeningServer, status_of};
use crate::platform::db::Engine;

/// A page, a route for monitoring, a fast route that bypasses the router, and a route with its own protocol.
const ROUTES: [(&str, &str, u16); 4] = [
    ("GET", "/sign-in", 200),
    ("GET", "/healthz", 200),
    ("GET", "/api/v1/authorize?org=01a1f866-0d00-7fff-bfff-ffffffffffff", 401),
    ("POST", "/oauth/token", 400),
];

fn request(method: &str, target: &str, version: &str, headers: &[u8]) -> Vec<u8> {
    let mut bytes = format!("{method} {target} HTTP/{version}\r\n").into_bytes();
    bytes.extend(headers);
    bytes.extend(b"Content-Length: 0\r\nConnection: close\r\n\r\n");
    bytes
}

#[apply(on_both_engines!)]
async fn a_request_names_exactly_one_valid_host(engine: Engine) {
    let server = Server::on(engine).await;
    let listening = ListeningServer::start(&server).await;
    for (method, target, usual) in ROUTES {
        for host in ["latchkey.test", "127.0.0.1:3000", "[::1]", "my_service:80"] {
            let headers = format!("Host: {host}\r\n");
            let response = listening.exchange(&request(method, target, "1.1", headers.as_bytes())).await;
            assert_eq!(status_of(&response), usual, "{target} {host}: {response}");
            assert!(!response.contains("Host header") && !response.contains("host is not"), "{response}");
        }
        let cases: [(&[u8], &str); 9] = [
            (b"", "has no Host header"),
            (b"Host: latchkey.test\r\nHost: latchkey.test\r\n", "more than one Host header"),
            (b"Host: latchkey.test\r\nhost: elsewhere.test\r\n", "more than one Host header"),
            (b"Host:\r\n", "host is not a name"),
            (b"Host: user@latchkey.test\r\n", "host is not a name"),
            (b"Host: latchkey.test elsewhere.test\r\n", "host is not a name"),
            (b"Host: latchkey.test:port\r\n", "host is not a name"),
            (b"Host: http://latchkey.test\r\n", "host is not a name"),
            (b"Host: \xff\xfe\r\n", "host is not a name"),
        ];
        for (headers, why) in cases {
            let response = listening.exchange(&request(method, target, "1.1", headers)).await;
            assert_eq!(status_of(&response), 400, "{target}: {response}");
            assert!(
                response.contains(why) && response.contains("application/problem+json"),
                "{target}: {response}"
            );
            assert!(
                response.contains("x-request-id: req_") && response.contains("default-src 'none'"),
                "{response}"
            );
        }
        // HTTP/1.0 does not require a Host header, but two of them are invalid there too.
        let response = listening.exchange(&request(method, target, "1.0", b"")).await;
        assert_eq!(status_of(&response), usual, "{target}: {response}");
        let response = listening.exchange(&request(method, target, "1.0", b"Host: a\r\nHost: b\r\n")).await;
        assert_eq!(status_of(&response), 400, "{target}: {response}");
    }
    // A target in absolute form contains a host too.
    for (target, status) in
        [("http://latchkey.test/healthz", 200), ("http://user@latchkey.test/healthz", 400)]
    {
        let response = listening.exchange(&request("GET", target, "1.1", b"Host: latchkey.test\r\n")).await;
        assert_eq!(status_of(&response), status, "{target}: {response}");
    }
    assert!(server.metrics().await.contains("route=\"none\",status=\"400\"}"), "refusals are counted");
    listening.stop().await;
}
