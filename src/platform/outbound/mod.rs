//! Requests to other servers: HTTPS to identity providers. Responses are limited in time and size. Redirects are not
//! followed, so that a provider cannot make this server send requests to other addresses. Servers that members of an
//! organization choose are called by `PublicClient` instead.

mod address;
mod public;
mod target;

use std::error::Error as StdError;
use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::body::Bytes;
use axum::http::{HeaderValue, Request, Response, header};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde::de::DeserializeOwned;

use crate::shared::VERSION;

pub use public::{NameResolver, PublicClient, PublicResponse, Resolution, SystemResolver};
pub use target::{RefusedTarget, TargetPolicy};

const MAX_RESPONSE_BYTES: usize = 256 * 1024;

type Https = Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

#[derive(Clone)]
pub struct Outbound {
    /// Created for the first request, because reading the system's certificates takes a moment.
    client: Arc<OnceLock<Https>>,
    timeout: Duration,
}

/// Why there is no usable response. The texts are for the log.
#[derive(Debug)]
pub enum OutboundError {
    /// The server cannot be reached, did not respond in time, or responded with a server error.
    Unavailable(String),
    /// The server responded with something other than what was requested.
    Invalid(String),
}

impl fmt::Display for OutboundError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unavailable(reason) | Self::Invalid(reason) => f.write_str(reason),
        }
    }
}

impl StdError for OutboundError {}

impl Outbound {
    pub fn new(timeout: Duration) -> Self {
        Self { client: Arc::default(), timeout }
    }

    /// Sends a request and reads the whole response, within the timeout.
    pub async fn send(&self, mut request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, OutboundError> {
        let host = request.uri().host().unwrap_or_default().to_owned();
        let failed = |reason: &dyn fmt::Display| OutboundError::Unavailable(format!("{host}: {reason}"));
        // GitHub refuses requests without a User-Agent.
        if let Ok(name) = HeaderValue::from_str(&format!("latchkey/{VERSION}")) {
            request.headers_mut().insert(header::USER_AGENT, name);
        }
        let client = self.client()?;
        let exchange = async {
            let response = client.request(request.map(|body| Full::new(Bytes::from(body)))).await;
            let (head, body) = response.map_err(|error| failed(&chain(&error)))?.into_parts();
            let body = Limited::new(body, MAX_RESPONSE_BYTES).collect().await;
            let body = body.map_err(|error| match error.downcast_ref::<LengthLimitError>() {
                Some(_) => OutboundError::Invalid(format!("{host}: the response is too large")),
                None => failed(&error),
            });
            let body = body?.to_bytes();
            Ok(Response::from_parts(head, body.to_vec()))
        };
        tokio::time::timeout(self.timeout, exchange)
            .await
            .unwrap_or_else(|_| Err(failed(&format_args!("no response within {:?}", self.timeout))))
    }

    /// Requests a JSON document. Everything but a 200 with the expected JSON is an error.
    pub async fn get_json<T: DeserializeOwned>(
        &self,
        url: &str,
        bearer: Option<&str>,
    ) -> Result<T, OutboundError> {
        let failed = |reason: String| OutboundError::Invalid(format!("{url}: {reason}"));
        let mut request = Request::get(url).header(header::ACCEPT, "application/json");
        if let Some(token) = bearer {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let request = request.body(Vec::new()).map_err(|error| failed(error.to_string()))?;
        let response = self.send(request).await?;
        if response.status().is_server_error() {
            return Err(OutboundError::Unavailable(format!("{url}: responded with {}", response.status())));
        }
        if response.status() != 200 {
            return Err(failed(format!("responded with {}", response.status())));
        }
        serde_json::from_slice(response.body()).map_err(|error| failed(error.to_string()))
    }

    fn client(&self) -> Result<&Https, OutboundError> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let connector = HttpsConnectorBuilder::new()
            .with_native_roots()
            .map_err(|error| {
                OutboundError::Unavailable(format!("cannot read the system's certificates: {error}"))
            })?
            .https_or_http()
            .enable_http1()
            .build();
        let client = Client::builder(TokioExecutor::new())
            // Sign-ins are rare, so an idle connection would usually be dead when it is needed.
            .pool_max_idle_per_host(0)
            .build(connector);
        Ok(self.client.get_or_init(|| client))
    }
}

/// An error with its causes, in one line.
fn chain(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}
