//! Files that are read and sent in portions, so that a long one needs little memory and no transaction stays open.

use std::sync::Arc;
use std::time::Duration;

use axum::BoxError;
use axum::body::Body;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::db::Fault;
use super::{App, Error, Quota, QuotaUse, stream};
use crate::shared::OrgId;

const PORTION_TIMEOUT: Duration = Duration::from_secs(10);
/// The number of downloads at the same time. Each has a portion of the file and a compressor, about half a megabyte.
const MOST: usize = 16;
const MAX_OF_ORG: usize = 4;

/// The downloads in progress.
pub struct Downloads {
    all: Arc<Semaphore>,
    by_org: Quota<OrgId>,
}

/// A download in progress. The response holds it until its end, or until its client disconnects.
#[derive(Clone)]
pub struct DownloadPermit {
    _of_org: Arc<QuotaUse<OrgId>>,
    _of_all: Arc<OwnedSemaphorePermit>,
}

impl Default for Downloads {
    fn default() -> Self {
        Self { all: Arc::new(Semaphore::new(MOST)), by_org: Quota::default() }
    }
}

impl Downloads {
    pub fn begin(&self, org: OrgId) -> Result<DownloadPermit, Error> {
        let of_org = self.by_org.take(org, MAX_OF_ORG).ok_or(Error::Busy)?;
        let of_all = Arc::clone(&self.all).try_acquire_owned().map_err(|_| Error::Busy)?;
        Ok(DownloadPermit { _of_org: Arc::new(of_org), _of_all: Arc::new(of_all) })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileFormat {
    JsonLines,
    Csv,
}

impl FileFormat {
    /// The format that a request asks for: with the parameter `format`, or with the header Accept.
    pub fn requested(parameter: &str, headers: &HeaderMap) -> Self {
        let is_csv = if parameter.is_empty() { accepts_csv(headers) } else { parameter == "csv" };
        if is_csv { Self::Csv } else { Self::JsonLines }
    }

    pub const fn media_type(self) -> &'static str {
        match self {
            Self::JsonLines => "application/jsonl",
            Self::Csv => "text/csv; charset=utf-8; header=present",
        }
    }

    const fn extension(self) -> &'static str {
        match self {
            Self::JsonLines => "jsonl",
            Self::Csv => "csv",
        }
    }
}

/// Whether the first media type of Accept is CSV.
fn accepts_csv(headers: &HeaderMap) -> bool {
    let accepted = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let first = accepted.split([',', ';']).next().unwrap_or_default();
    first.trim().eq_ignore_ascii_case("text/csv")
}

/// A part of a file, and from where the next one is read; None after the last one.
pub struct Portion<S> {
    pub text: String,
    pub next: Option<S>,
}

enum DownloadStep<S> {
    Send(Portion<S>),
    Read(S),
}

/// The response with a file. Its first portion is read before the response begins, so that a failure there is a proper refusal. An
/// error in a later one aborts the response, so that the client does not mistake it for the whole file.
pub fn download<S, F, Fut, E>(
    name: &str,
    format: FileFormat,
    permit: DownloadPermit,
    first: Portion<S>,
    read: F,
) -> Response
where
    S: Send + 'static,
    F: Fn(S) -> Fut + Send + 'static,
    Fut: Future<Output = Result<Portion<S>, E>> + Send + 'static,
    E: Into<BoxError> + Send + 'static,
{
    let portions = stream::steps(Some(DownloadStep::Send(first)), move |step| {
        let permit = permit.clone();
        let reading = match step {
            None => None,
            Some(DownloadStep::Send(portion)) => Some(Err(portion)),
            Some(DownloadStep::Read(from)) => Some(Ok(read(from))),
        };
        async move {
            let _permit = permit;
            let portion = match reading? {
                Ok(reading) => reading.await,
                Err(portion) => Ok(portion),
            };
            match portion {
                Ok(Portion { text, next }) => Some((Ok(text), next.map(DownloadStep::Read))),
                Err(error) => Some((Err(error), None)),
            }
        }
    });
    let disposition = format!("attachment; filename=\"{name}.{}\"", format.extension());
    let headers = [
        (header::CONTENT_TYPE, format.media_type().to_owned()),
        (header::CONTENT_DISPOSITION, disposition),
        (header::CACHE_CONTROL, "no-store".to_owned()),
        (header::VARY, "accept".to_owned()),
    ];
    (headers, Body::from_stream(portions)).into_response()
}

/// Reads a portion. The time limit of requests ended when the response began, so each portion has its own.
pub async fn in_time<T, E: From<Fault>>(app: &App, read: impl Future<Output = Result<T, E>>) -> Result<T, E> {
    let portion = app.db.or_lost(read);
    tokio::time::timeout(PORTION_TIMEOUT, portion).await.unwrap_or_else(|_| Err(Fault::Silent.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parameter_decides_before_the_header() {
        let accept = |text: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, axum::http::HeaderValue::from_static(text));
            headers
        };
        for (parameter, accepted, expected) in [
            ("", "", FileFormat::JsonLines),
            ("csv", "", FileFormat::Csv),
            ("csv", "application/json", FileFormat::Csv),
            ("jsonl", "text/csv", FileFormat::JsonLines),
            ("", "text/csv", FileFormat::Csv),
            ("", "TEXT/CSV;charset=utf-8, */*;q=0.1", FileFormat::Csv),
            ("", "text/html,application/xhtml+xml,*/*;q=0.8", FileFormat::JsonLines),
            ("", "application/json, text/csv", FileFormat::JsonLines),
            ("xml", "", FileFormat::JsonLines),
        ] {
            assert_eq!(
                FileFormat::requested(parameter, &accept(accepted)),
                expected,
                "{parameter} {accepted}"
            );
        }
    }
}
