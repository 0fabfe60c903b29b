//! Finds the address of a request's caller. Forwarded headers are trusted only from configured proxies. Of their entries, the
//! rightmost one that is not itself such a proxy is the caller: the caller may have written everything to the left of it.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use axum::http::{HeaderMap, HeaderName, header};
use ipnet::IpNet;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The caller's address, read from `X-Forwarded-For` if the peer is a trusted proxy.
pub fn caller(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |address: IpAddr| trusted.iter().any(|range| range.contains(&address));
    let mut caller = peer.to_canonical();
    if !is_trusted(caller) {
        return caller;
    }
    // Bytes that are not UTF-8 spoil only their own hop, so that a caller cannot hide what the proxy appended.
    let lines = headers.get_all(X_FORWARDED_FOR).iter();
    let hops: Vec<&[u8]> = lines.flat_map(|value| value.as_bytes().split(|byte| *byte == b',')).collect();
    for hop in hops.into_iter().rev() {
        // Entries to the left of an invalid one cannot be trusted.
        let Some(address) = std::str::from_utf8(hop).ok().and_then(|hop| parse_hop(hop.trim())) else {
            break;
        };
        caller = address;
        if !is_trusted(caller) {
            break;
        }
    }
    caller
}

fn parse_hop(hop: &str) -> Option<IpAddr> {
    let bare = hop.trim_start_matches('[').trim_end_matches(']');
    let address = bare.parse::<IpAddr>().or_else(|_| hop.parse::<SocketAddr>().map(|socket| socket.ip()));
    address.ok().map(|address| address.to_canonical())
}

/// Whether the request has any of the headers that proxies add.
pub fn is_forwarded(headers: &HeaderMap) -> bool {
    [X_FORWARDED_FOR, header::FORWARDED, header::VIA, HeaderName::from_static("x-real-ip")]
        .iter()
        .any(|name| headers.contains_key(name))
}

/// The address that limits count by: an IPv4 address, or the /64 of an IPv6 address, because one subscriber can use all
/// addresses of a /64.
pub fn subscriber(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from(u128::from(address) & !u128::from(u64::MAX))),
    }
}

/// The network of one subscriber: the address for IPv4, the /48 for IPv6.
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            let [a, b, c, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn caller_of(peer: &str, forwarded: &[&str], trusted: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append(X_FORWARDED_FOR, HeaderValue::from_bytes(line.as_bytes()).expect("a header"));
        }
        let trusted: Vec<IpNet> = trusted.iter().map(|range| range.parse().expect("a range")).collect();
        caller(peer.parse().expect("an address"), &headers, &trusted).to_string()
    }

    #[test]
    fn without_trusted_proxies_the_header_is_ignored() {
        assert_eq!(caller_of("203.0.113.9", &["198.51.100.1"], &[]), "203.0.113.9");
        assert_eq!(caller_of("127.0.0.1", &["198.51.100.1"], &[]), "127.0.0.1");
    }

    #[test]
    fn the_rightmost_untrusted_hop_is_the_caller() {
        let proxies = ["10.0.0.0/8", "fd00::/8"];
        assert_eq!(caller_of("10.0.0.1", &["198.51.100.1"], &proxies), "198.51.100.1");
        assert_eq!(caller_of("10.0.0.1", &["1.1.1.1, 198.51.100.1, 10.0.0.2"], &proxies), "198.51.100.1");
        assert_eq!(caller_of("10.0.0.1", &["1.1.1.1", "198.51.100.1"], &proxies), "198.51.100.1");
        assert_eq!(caller_of("10.0.0.1", &["10.0.0.3, 10.0.0.2"], &proxies), "10.0.0.3");
        assert_eq!(caller_of("fd00::1", &["2001:db8::7"], &proxies), "2001:db8::7");
        assert_eq!(caller_of("203.0.113.9", &["198.51.100.1"], &proxies), "203.0.113.9");
    }

    #[test]
    fn hops_with_ports_brackets_and_mapped_addresses_are_read() {
        let proxies = ["10.0.0.0/8"];
        assert_eq!(caller_of("::ffff:10.0.0.1", &["198.51.100.1:4711"], &proxies), "198.51.100.1");
        assert_eq!(caller_of("10.0.0.1", &["[2001:db8::7]:443"], &proxies), "2001:db8::7");
        assert_eq!(caller_of("10.0.0.1", &["[2001:db8::7]"], &proxies), "2001:db8::7");
        assert_eq!(caller_of("10.0.0.1", &["::ffff:198.51.100.1"], &proxies), "198.51.100.1");
    }

    #[test]
    fn an_invalid_address_ends_the_chain() {
        assert_eq!(caller_of("10.0.0.1", &["198.51.100.1, unknown, 10.0.0.2"], &["10.0.0.0/8"]), "10.0.0.2");
        assert_eq!(caller_of("10.0.0.1", &["é, 198.51.100.1"], &["10.0.0.0/8"]), "198.51.100.1");
        assert_eq!(caller_of("10.0.0.1", &["", "x"], &["10.0.0.0/8"]), "10.0.0.1");
    }

    #[test]
    fn all_addresses_of_an_ipv6_subscriber_count_as_one() {
        let network = |text: &str| subscriber(text.parse().expect("an address"));
        assert_eq!(network("2001:db8:1:2:3:4:5:6"), network("2001:db8:1:2:ffff::1"));
        assert_ne!(network("2001:db8:1:2::1"), network("2001:db8:1:3::1"));
        assert_ne!(network("198.51.100.1"), network("198.51.100.2"));
        assert_eq!(network("::ffff:198.51.100.1"), network("198.51.100.1"));
    }
}
