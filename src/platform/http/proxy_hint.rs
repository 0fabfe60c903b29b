//! Logs a hint for an operator who put a reverse proxy in front of this server without adding it to `trusted_proxies`. All
//! callers would seem to have the proxy's address.

use std::net::IpAddr;
use std::sync::{PoisonError, RwLock};

use axum::http::HeaderName;
use ipnet::IpNet;

/// Peers that are remembered. The number is limited, because anybody can send such a header from many addresses.
const MAX_PEERS: usize = 16;

/// The peers that a hint was logged for.
#[derive(Default)]
pub struct ProxyHint(RwLock<Vec<IpAddr>>);

impl ProxyHint {
    /// Logs a hint, once for each peer, when an untrusted peer has sent a header with a caller's address.
    pub fn note(&self, peer: IpAddr, trusted: &[IpNet]) {
        let peer = peer.to_canonical();
        if trusted.iter().any(|range| range.contains(&peer)) || !self.is_due(peer) {
            return;
        }
        let mut peers = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if peers.len() >= MAX_PEERS || peers.contains(&peer) {
            return;
        }
        peers.push(peer);
        drop(peers);
        tracing::warn!(
            %peer,
            "ignoring X-Forwarded-For, Forwarded or X-Real-IP from a peer that is not in trusted_proxies; \
             if the peer is your reverse proxy, add its address to trusted_proxies"
        );
    }

    fn is_due(&self, peer: IpAddr) -> bool {
        let peers = self.0.read().unwrap_or_else(PoisonError::into_inner);
        peers.len() < MAX_PEERS && !peers.contains(&peer)
    }
}

/// Whether proxies put the address of their caller into this header.
pub fn names_a_caller(name: &HeaderName) -> bool {
    matches!(name.as_str(), "x-forwarded-for" | "forwarded" | "x-real-ip")
}
