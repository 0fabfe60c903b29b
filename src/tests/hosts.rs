//! Missing, doubled and invalid Host headers, on every kind of route, over a real socket.

use macro_rules_attribute::apply;

use super::harness::{Server, on_both_engines};
use super::sockets::{ListeningServer, status_of};
use crate::platform::db::Engine;

/// A page, a route within the stack, one that stands before the router, and one that may be answered before the stack.
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
            let answer = listening.exchange(&request(method, target, "1.1", headers.as_bytes())).await;
            assert_eq!(status_of(&answer), usual, "{target} {host}: {answer}");
            assert!(!answer.contains("Host header") && !answer.contains("host is not"), "{answer}");
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
            let answer = listening.exchange(&request(method, target, "1.1", headers)).await;
            assert_eq!(status_of(&answer), 400, "{target}: {answer}");
            assert!(
                answer.contains(why) && answer.contains("application/problem+json"),
                "{target}: {answer}"
            );
            assert!(
                answer.contains("x-request-id: req_") && answer.contains("default-src 'none'"),
                "{answer}"
            );
        }
        // HTTP/1.0 has no Host of necessity; two are wrong there too.
        let answer = listening.exchange(&request(method, target, "1.0", b"")).await;
        assert_eq!(status_of(&answer), usual, "{target}: {answer}");
        let answer = listening.exchange(&request(method, target, "1.0", b"Host: a\r\nHost: b\r\n")).await;
        assert_eq!(status_of(&answer), 400, "{target}: {answer}");
    }
    // The absolute form names a host of its own.
    for (target, status) in
        [("http://latchkey.test/healthz", 200), ("http://user@latchkey.test/healthz", 400)]
    {
        let answer = listening.exchange(&request("GET", target, "1.1", b"Host: latchkey.test\r\n")).await;
        assert_eq!(status_of(&answer), status, "{target}: {answer}");
    }
    assert!(server.metrics().await.contains("route=\"none\",status=\"400\"}"), "refusals are counted");
    listening.stop().await;
}
