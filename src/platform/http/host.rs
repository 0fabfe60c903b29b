//! Checks the Host header. A request must have exactly one (RFC 9112, section 3.2): with two of them, a proxy and this server
//! could assume different hosts.

use std::net::{IpAddr, Ipv6Addr};

use axum::http::{HeaderMap, Request, Uri, Version, header};

/// Why the request must be refused, as a sentence. `public_host` is the host that most requests have.
pub fn fault<B>(request: &Request<B>, public_host: &str) -> Option<&'static str> {
    const INVALID: &str =
        "The request's host is not a name or an address with an optional port, such as keys.example.com:443.";
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let fault = match (hosts.next(), hosts.next()) {
        (Some(host), None) => {
            let is_valid = host.as_bytes() == public_host.as_bytes() || name_of(host.as_bytes()).is_some();
            (!is_valid).then_some(INVALID)
        }
        (Some(_), Some(_)) => Some("The request has more than one Host header: send exactly one."),
        // HTTP/1.0 does not require it, and health checks of some load balancers still use that version.
        (None, _) if request.version() < Version::HTTP_11 => None,
        (None, _) => Some("The request has no Host header: HTTP/1.1 requires one."),
    };
    let in_target = || request.uri().authority().map(|authority| authority.as_str().as_bytes());
    fault.or_else(|| in_target().and_then(|host| name_of(host).is_none().then_some(INVALID)))
}

/// Whether every host that the request names is a loopback address of this machine. False if it names none.
pub fn is_loopback(uri: &Uri, headers: &HeaderMap) -> bool {
    let in_target = uri.authority().map(|authority| authority.as_str().as_bytes());
    let mut hosts =
        headers.get_all(header::HOST).iter().map(|host| host.as_bytes()).chain(in_target).peekable();
    hosts.peek().is_some() && hosts.all(|host| name_of(host).is_some_and(is_loopback_name))
}

fn is_loopback_name(name: &str) -> bool {
    let address = name.parse::<IpAddr>().ok();
    address.is_some_and(|address| address.to_canonical().is_loopback())
        || name.eq_ignore_ascii_case("localhost")
}

/// The name or address, without brackets and port. None if the host is invalid.
fn name_of(host: &[u8]) -> Option<&str> {
    let host = std::str::from_utf8(host).ok()?;
    let (name, port) = match host.strip_prefix('[') {
        Some(bracketed) => {
            let (address, port) = bracketed.split_once(']')?;
            address.split('%').next()?.parse::<Ipv6Addr>().ok()?;
            (address, port)
        }
        None => {
            let (name, port) = host.split_at(host.find(':').unwrap_or(host.len()));
            let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~%".contains(&byte);
            (!name.is_empty() && name.bytes().all(is_allowed)).then_some((name, port))?
        }
    };
    let digits = if port.is_empty() { "" } else { port.strip_prefix(':')? };
    let is_port = digits.bytes().all(|byte| byte.is_ascii_digit()) && digits.parse::<u16>().is_ok();
    (digits.is_empty() || is_port).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_names_and_addresses_with_an_optional_port() {
        for (host, name) in [
            ("keys.example.com", "keys.example.com"),
            ("Keys_2.example:8443", "Keys_2.example"),
            ("keys.example.com:", "keys.example.com"),
            ("127.0.0.1:3000", "127.0.0.1"),
            ("[::1]:3000", "::1"),
            ("[fe80::1%25eth0]", "fe80::1%25eth0"),
        ] {
            assert_eq!(name_of(host.as_bytes()), Some(name), "{host}");
        }
        for wrong in [
            "",
            ":80",
            "user@host",
            "a b",
            "a,b",
            "a/b",
            "a?b",
            "a#b",
            "a\"b",
            "a:b",
            "a:80:80",
            "a:+80",
            "a:65536",
            "::1",
            "[::1",
            "[::1]x",
            "[::1]80",
            "[name]",
            "é",
        ] {
            assert_eq!(name_of(wrong.as_bytes()), None, "{wrong}");
        }
        assert_eq!(name_of(b"a\xff"), None);
    }

    #[test]
    fn only_loopback_names_are_loopback() {
        let check = |uri: &str, hosts: &[&str]| {
            let mut headers = HeaderMap::new();
            for host in hosts {
                headers.append(header::HOST, host.parse().expect("a header"));
            }
            is_loopback(&uri.parse().expect("an address"), &headers)
        };
        for host in
            ["127.0.0.1", "127.8.9.10:3000", "[::1]", "[::1]:3000", "[::ffff:127.0.0.1]", "LocalHost:80"]
        {
            assert!(check("/metrics", &[host]), "{host}");
        }
        for host in
            ["keys.example.com", "0.0.0.0", "10.0.0.1", "127.0.0.1.example.com", "localhost.example.com", ""]
        {
            assert!(!check("/metrics", &[host]), "{host}");
        }
        assert!(!check("/metrics", &[]));
        assert!(!check("/metrics", &["127.0.0.1", "keys.example.com"]));
        assert!(!check("http://keys.example.com/metrics", &["127.0.0.1"]));
        assert!(check("http://127.0.0.1/metrics", &["127.0.0.1"]));
    }
}
