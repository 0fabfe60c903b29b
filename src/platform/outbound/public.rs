//! Calling addresses that members of an organization choose. Each connection resolves the name, checks every address that it
//! leads to, and connects to one of those that were checked: an answer that changes between check and connection changes
//! nothing. Redirects are not followed. TLS checks the name of the address, whatever it leads to.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderValue, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::TcpStream;
use url::Url;

use super::chain;
use super::target::{RefusedTarget, TargetPolicy};
use crate::shared::VERSION;

/// Bytes of a response that are read.
const MAX_RESPONSE: usize = 16 * 1024;
/// Bytes of a response's headers.
const MAX_RESPONSE_HEAD: usize = 64 * 1024;
/// Idle connections are closed after this time.
const IDLE: Duration = Duration::from_secs(10);
const IDLE_CONNECTIONS: usize = 8;

type BoxError = Box<dyn std::error::Error + Send + Sync>;
/// The addresses of a name.
pub type Resolution<'a> = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send + 'a>>;

/// Finds the addresses of a name.
pub trait NameResolver: Send + Sync + 'static {
    fn resolve<'a>(&'a self, host: &'a str, port: u16) -> Resolution<'a>;
}

/// The operating system's resolver.
pub struct SystemResolver;

impl NameResolver for SystemResolver {
    fn resolve<'a>(&'a self, host: &'a str, port: u16) -> Resolution<'a> {
        Box::pin(async move { Ok(tokio::net::lookup_host((host, port)).await?.collect()) })
    }
}

/// The response to a request, cut off where it is too long.
#[derive(Debug)]
pub struct PublicResponse {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

#[derive(Clone)]
pub struct PublicClient {
    connector: PinnedConnector,
    timeout: Duration,
    /// Made with the first request: reading the system's certificates takes a moment.
    client: Arc<OnceLock<HttpsClient>>,
}

type HttpsClient = Client<HttpsConnector<PinnedConnector>, Full<Bytes>>;

impl PublicClient {
    pub fn new(policy: TargetPolicy, timeout: Duration, resolver: Arc<dyn NameResolver>) -> Self {
        let connector = PinnedConnector { policy: Arc::new(policy), resolver };
        Self { connector, timeout, client: Arc::default() }
    }

    /// Checks an address before it is stored. A name that cannot be resolved now is accepted over https: each connection is
    /// checked again.
    pub async fn check(&self, url: &Url) -> Result<(), RefusedTarget> {
        const LOOKUP: Duration = Duration::from_secs(2);
        let PinnedConnector { policy, resolver } = &self.connector;
        policy.check(url)?;
        let (Some(url::Host::Domain(host)), Some(port)) = (url.host(), url.port_or_known_default()) else {
            return Ok(());
        };
        let is_https = url.scheme() == "https";
        match tokio::time::timeout(LOOKUP, resolver.resolve(host, port)).await {
            Ok(Ok(addresses)) => {
                addresses.iter().try_for_each(|address| policy.check_address(host, *address, is_https))
            }
            _ => Ok(()),
        }
    }

    /// Sends a request and reads the beginning of the response. The error is a sentence for a person. A server that has sent
    /// its status in time has answered, even if its body does not end.
    pub async fn send(&self, mut request: Request<Vec<u8>>) -> Result<PublicResponse, String> {
        if let Ok(name) = HeaderValue::from_str(&format!("latchkey/{VERSION}")) {
            request.headers_mut().insert(header::USER_AGENT, name);
        }
        let client = self.client()?;
        let mut deadline = std::pin::pin!(tokio::time::sleep(self.timeout));
        let responded = tokio::select! {
            responded = client.request(request.map(|body| Full::new(Bytes::from(body)))) => responded,
            () = &mut deadline => return Err(format!("No answer within {:?}", self.timeout)),
        };
        let (head, mut frames) = responded.map_err(|error| explain(&error))?.into_parts();
        let mut body = Vec::new();
        while body.len() < MAX_RESPONSE {
            let frame = tokio::select! {
                frame = frames.frame() => frame,
                () = &mut deadline => None,
            };
            let Some(Ok(frame)) = frame else { break };
            let data = frame.into_data().unwrap_or_default();
            body.extend_from_slice(&data[..data.len().min(MAX_RESPONSE - body.len())]);
        }
        Ok(PublicResponse { status: head.status, headers: head.headers, body })
    }

    fn client(&self) -> Result<&HttpsClient, String> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let connector = HttpsConnectorBuilder::new()
            .with_native_roots()
            .map_err(|error| format!("This server has no certificates to check others by: {error}"))?
            .https_or_http()
            .enable_http1()
            .wrap_connector(self.connector.clone());
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(IDLE_CONNECTIONS)
            .http1_max_buf_size(MAX_RESPONSE_HEAD)
            .build(connector);
        Ok(self.client.get_or_init(|| client))
    }
}

/// Connects to addresses that it has checked.
#[derive(Clone)]
struct PinnedConnector {
    policy: Arc<TargetPolicy>,
    resolver: Arc<dyn NameResolver>,
}

impl PinnedConnector {
    async fn connect(self, uri: Uri) -> Result<TokioIo<TcpStream>, BoxError> {
        let is_https = uri.scheme_str() == Some("https");
        let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
        let port = uri.port_u16().unwrap_or(if is_https { 443 } else { 80 });
        let addresses = match host.parse::<IpAddr>() {
            Ok(ip) => vec![SocketAddr::new(ip, port)],
            Err(_) => self.resolver.resolve(host, port).await?,
        };
        for address in &addresses {
            self.policy.check_address(host, *address, is_https)?;
        }
        let mut failed = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        for address in addresses {
            match TcpStream::connect(address).await {
                Ok(stream) => {
                    stream.set_nodelay(true)?;
                    return Ok(TokioIo::new(stream));
                }
                Err(error) => failed = error,
            }
        }
        Err(failed.into())
    }
}

impl tower::Service<Uri> for PinnedConnector {
    type Response = TokioIo<TcpStream>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        Box::pin(self.clone().connect(uri))
    }
}

/// The reason of a failed request, in shorter words than those of the libraries where possible.
fn explain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut cause = Some(error);
    while let Some(inner) = cause {
        if let Some(refused) = inner.downcast_ref::<RefusedTarget>() {
            return refused.to_string();
        }
        if let Some(error) = inner.downcast_ref::<io::Error>() {
            match error.kind() {
                io::ErrorKind::ConnectionRefused => return "Connection refused".to_owned(),
                io::ErrorKind::ConnectionReset => return "Connection reset".to_owned(),
                _ => {}
            }
        }
        cause = inner.source();
    }
    chain(error)
}
