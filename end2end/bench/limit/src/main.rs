//! limit PORT TOKENS: answers GET /check with 200 for a known bearer token and 401 for any other, from one hash map.

use std::collections::HashSet;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::routing::get;
use axum::serve::ListenerExt;
use sha2::{Digest, Sha256};

type Known = Arc<HashSet<[u8; 32]>>;

async fn check(State(known): State<Known>, headers: HeaderMap) -> (StatusCode, &'static str) {
    let token = headers.get(header::AUTHORIZATION).and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
    match token {
        Some(token) if known.contains::<[u8; 32]>(&Sha256::digest(token).into()) => (StatusCode::OK, "{\"valid\":true}"),
        _ => (StatusCode::UNAUTHORIZED, "{\"valid\":false}"),
    }
}

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let (Some(port), Some(tokens)) = (arguments.next(), arguments.next()) else { panic!("limit PORT TOKENS") };
    let tokens = std::fs::read_to_string(tokens).expect("a file of tokens");
    let known: Known = Arc::new(tokens.lines().map(|token| Sha256::digest(token).into()).collect());
    let listener = tokio::net::TcpListener::bind(format!("127.0.0.1:{port}")).await.expect("a free port");
    let listener = listener.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });
    let app = Router::new().route("/check", get(check)).with_state(known);
    axum::serve(listener, app).await.expect("a server");
}
