//! Asking other servers: https to identity providers. An answer has little time and little room, and a redirect is an
//! answer like any other: what a provider says must not lead this server somewhere else.

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

const LARGEST_ANSWER: usize = 256 * 1024;

type Https = Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

#[derive(Clone)]
pub struct Outbound {
    /// Made with the first request: reading the system's certificates takes a moment.
    client: Arc<OnceLock<Https>>,
    timeout: Duration,
}

/// Why there is no answer that can be used; the texts are for the log.
#[derive(Debug)]
pub enum NoAnswer {
    /// None in time, or the other side says that it has trouble.
    Away(String),
    /// Something else than was asked for.
    Nonsense(String),
}

impl fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Away(why) | Self::Nonsense(why) => f.write_str(why),
        }
    }
}

impl StdError for NoAnswer {}

impl Outbound {
    pub fn new(timeout: Duration) -> Self {
        Self { client: Arc::default(), timeout }
    }

    /// From the first byte sent to the last one received within the time.
    pub async fn ask(&self, mut request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, NoAnswer> {
        let host = request.uri().host().unwrap_or_default().to_owned();
        let failed = |why: &dyn fmt::Display| NoAnswer::Away(format!("{host}: {why}"));
        // GitHub refuses programs without a name.
        if let Ok(name) = HeaderValue::from_str(&format!("latchkey/{VERSION}")) {
            request.headers_mut().insert(header::USER_AGENT, name);
        }
        let client = self.client()?;
        let asking = async {
            let answer = client.request(request.map(|body| Full::new(Bytes::from(body)))).await;
            let (head, body) = answer.map_err(|error| failed(&chain(&error)))?.into_parts();
            let body = Limited::new(body, LARGEST_ANSWER).collect().await;
            let body = body.map_err(|error| match error.downcast_ref::<LengthLimitError>() {
                Some(_) => NoAnswer::Nonsense(format!("{host}: the answer is too large")),
                None => failed(&error),
            });
            let body = body?.to_bytes();
            Ok(Response::from_parts(head, body.to_vec()))
        };
        tokio::time::timeout(self.timeout, asking)
            .await
            .unwrap_or_else(|_| Err(failed(&format_args!("no answer within {:?}", self.timeout))))
    }

    /// A document; anything but 200 with the right JSON is no answer.
    pub async fn get_json<T: DeserializeOwned>(
        &self,
        url: &str,
        bearer: Option<&str>,
    ) -> Result<T, NoAnswer> {
        let failed = |why: String| NoAnswer::Nonsense(format!("{url}: {why}"));
        let mut request = Request::get(url).header(header::ACCEPT, "application/json");
        if let Some(token) = bearer {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let request = request.body(Vec::new()).map_err(|error| failed(error.to_string()))?;
        let answer = self.ask(request).await?;
        if answer.status().is_server_error() {
            return Err(NoAnswer::Away(format!("{url}: answered {}", answer.status())));
        }
        if answer.status() != 200 {
            return Err(failed(format!("answered {}", answer.status())));
        }
        serde_json::from_slice(answer.body()).map_err(|error| failed(error.to_string()))
    }

    fn client(&self) -> Result<&Https, NoAnswer> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let connector = HttpsConnectorBuilder::new()
            .with_native_roots()
            .map_err(|error| NoAnswer::Away(format!("no certificates to check others by: {error}")))?
            .https_or_http()
            .enable_http1()
            .build();
        let client = Client::builder(TokioExecutor::new())
            // Sign-ins are rare: a connection kept would mostly be found dead.
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
