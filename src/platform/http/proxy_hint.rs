//! A hint for whoever put a reverse proxy in front of this server and did not name it in `trusted_proxies`: without that,
//! all its callers seem to have the proxy's address.

use std::net::IpAddr;
use std::sync::{PoisonError, RwLock};

use axum::http::HeaderName;
use ipnet::IpNet;

/// Anybody can send such a header, from many addresses.
const MOST_PEERS: usize = 16;

/// Peers that a hint was logged for.
#[derive(Default)]
pub struct ProxyHint(RwLock<Vec<IpAddr>>);

impl ProxyHint {
    /// `peer` sent a header with a caller's address. Logs one hint for each peer that is not trusted.
    pub fn note(&self, peer: IpAddr, trusted: &[IpNet]) {
        let peer = peer.to_canonical();
        if trusted.iter().any(|range| range.contains(&peer)) || self.is_done(peer) {
            return;
        }
        let mut peers = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if peers.len() >= MOST_PEERS || peers.contains(&peer) {
            return;
        }
        peers.push(peer);
        drop(peers);
        tracing::warn!(
            %peer,
            "a request came with X-Forwarded-For, Forwarded or X-Real-IP, which is ignored because trusted_proxies does \
             not include its sender; if that is your reverse proxy, add its address to trusted_proxies"
        );
    }

    fn is_done(&self, peer: IpAddr) -> bool {
        let peers = self.0.read().unwrap_or_else(PoisonError::into_inner);
        peers.len() >= MOST_PEERS || peers.contains(&peer)
    }
}

/// Do proxies tell in this header for whom they ask?
pub fn names_a_caller(name: &HeaderName) -> bool {
    matches!(name.as_str(), "x-forwarded-for" | "forwarded" | "x-real-ip")
}
