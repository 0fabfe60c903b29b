//! The error type of all handlers. It says what happened; `http::problems` decides by the requested path whether the response is a
//! page, problem+json or the error of another protocol. Internal causes are logged and never sent.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::sync::LazyLock;
use std::time::Duration;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};

use super::Clock;
use super::db::{Fault, count_error};
use super::once_a_minute::OnceAMinute;

#[derive(Debug)]
pub enum Error {
    /// The object does not exist, or the caller may not know that it exists.
    NotFound,
    /// A request that changes something and did not come from a page of this server.
    CrossSite {
        public_url: String,
    },
    /// The caller may not do this. The text says why.
    Forbidden(String),
    HeadersTooLarge,
    /// The object has changed since the page was loaded: somebody else, or the same person in another tab, was faster.
    OutOfStep,
    /// A text that the database cannot store, such as one with a NUL.
    Unreadable,
    /// The person belongs to no organization.
    NoOrganization,
    /// Nobody is signed in. `next` is the path to open after the sign-in.
    SignInFirst {
        next: String,
    },
    /// The form belongs to another organization than the one that the person works in now.
    OtherOrganization {
        /// The name of the organization that the person works in now.
        current: String,
        /// Id and name of the form's organization, if the person belongs to it.
        form_org: Option<(String, String)>,
    },
    /// The database cannot be used at the moment.
    Unavailable(Box<dyn StdError + Send + Sync>),
    /// More work is queued than can be done in time.
    Busy,
    /// Too many attempts. The caller has to wait for this long.
    TooMany(Duration),
    /// Another request does the same work. The sentence says what to do.
    AlreadyRunning(&'static str),
    /// The server is shutting down.
    Stopping,
    /// A bug of this server, or an unexpected failure.
    Internal(Box<dyn StdError + Send + Sync>),
}

impl Error {
    pub fn internal(message: impl Into<String>) -> Self {
        Self::Internal(message.into().into())
    }

    fn problem(&self) -> Problem {
        match self {
            Self::NotFound => Problem::of(StatusCode::NOT_FOUND),
            Self::CrossSite { public_url } => Problem::of(StatusCode::FORBIDDEN).detail(format!(
                "This request did not come from a page of {public_url}, so nothing was changed. Open {public_url} and try again there."
            )),
            Self::Forbidden(detail) => Problem::of(StatusCode::FORBIDDEN).detail(detail.clone()),
            Self::NoOrganization => Problem {
                offer: Some(Offer::SignOut),
                ..Problem::of(StatusCode::FORBIDDEN)
                    .title("No organization yet")
                    .detail("You belong to no organization here. Ask an admin of yours to invite you.")
            },
            Self::SignInFirst { .. } => Problem::of(StatusCode::UNAUTHORIZED),
            Self::OtherOrganization { current, form_org } => {
                let form_org_name = form_org.as_ref().map_or("another organization", |(_, name)| name.as_str());
                let problem = Problem::of(StatusCode::CONFLICT).detail(format!(
                    "This form was made for {form_org_name}, and you now work in {current}. Nothing was changed."
                ));
                let offer = form_org.clone().map(|(id, name)| Offer::SwitchTo { id, name });
                Problem { offer, ..problem }
            }
            Self::Unreadable => Problem::of(StatusCode::UNPROCESSABLE_ENTITY)
                .detail("The request contains a character that cannot be stored. Nothing was changed."),
            Self::OutOfStep => Problem::of(StatusCode::CONFLICT),
            Self::HeadersTooLarge => Problem::of(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE),
            Self::Unavailable(_) => Problem::of(StatusCode::SERVICE_UNAVAILABLE)
                .detail("The database cannot be used right now. Nothing was changed.")
                .retry_after(Duration::from_secs(2)),
            Self::Busy => Problem::of(StatusCode::SERVICE_UNAVAILABLE)
                .detail("Too much is going on right now. Nothing was changed; try again in a moment.")
                .retry_after(Duration::from_secs(5)),
            Self::TooMany(wait) => Problem::of(StatusCode::TOO_MANY_REQUESTS)
                .detail(format!("Too many tries. Wait {} before the next one.", minutes(*wait)))
                .retry_after(*wait),
            Self::AlreadyRunning(why) => Problem::of(StatusCode::TOO_MANY_REQUESTS)
                .detail(*why)
                .retry_after(Duration::from_secs(5)),
            Self::Stopping => Problem::of(StatusCode::SERVICE_UNAVAILABLE)
                .detail("The server is restarting.")
                .retry_after(Duration::from_secs(2)),
            Self::Internal(_) => Problem::of(StatusCode::INTERNAL_SERVER_ERROR),
        }
    }
}

/// "1 minute", "12 minutes": rounded up, so that nobody tries again too early.
pub fn minutes(span: Duration) -> String {
    match span.as_secs().div_ceil(60) {
        0 | 1 => "1 minute".to_owned(),
        n => format!("{n} minutes"),
    }
}

impl From<tower_sessions::session::Error> for Error {
    fn from(error: tower_sessions::session::Error) -> Self {
        use tower_sessions::session_store::Error as Store;
        match error {
            tower_sessions::session::Error::Store(Store::Backend(cause)) => Self::Unavailable(cause.into()),
            error => Self::Internal(error.to_string().into()),
        }
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        sqlx::Error::from(fault).into()
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        if error.as_database_error().and_then(|error| error.code()).is_some_and(|code| code == INVALID_TEXT) {
            return Self::Unreadable;
        }
        count_error(&error);
        if Fault::of(&error).is_outage() {
            Self::Unavailable(error.into())
        } else {
            Self::Internal(error.into())
        }
    }
}

/// PostgreSQL's error code for a text with a NUL. SQLite accepts such texts.
const INVALID_TEXT: &str = "22021";

/// For the operator's terminal, so it includes internal causes.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unavailable(cause) | Self::Internal(cause) => write!(f, "{cause}"),
            error => f.write_str(&error.problem().detail),
        }
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        match &self {
            Self::Internal(cause) => tracing::error!(%cause, "internal error"),
            Self::Unavailable(cause) if Fault::is_known_outage(&**cause) => {}
            Self::Unavailable(cause) => log_outage(cause),
            // A redirect, so that the person sees the requested page after signing in.
            Self::SignInFirst { next } => {
                let next: String = url::form_urlencoded::byte_serialize(next.as_bytes()).collect();
                return Redirect::to(&format!("/sign-in?next={next}")).into_response();
            }
            _ => {}
        }
        self.problem().into_response()
    }
}

/// Logs why the database could not serve a request, at most once a minute, because while it is away every request fails. The
/// limit is global, because the app is not available where an error becomes a response.
fn log_outage(cause: &dyn fmt::Display) {
    static LIMIT: LazyLock<(Clock, OnceAMinute)> =
        LazyLock::new(|| (Clock::system(), OnceAMinute::default()));
    let (clock, limit) = &*LIMIT;
    if let Some(requests) = limit.count(clock.steady()) {
        tracing::error!(%cause, requests, "database unavailable");
    }
}

/// An error as clients see it, before it is rendered.
#[derive(Clone, Debug)]
pub struct Problem {
    pub status: StatusCode,
    pub title: &'static str,
    pub detail: Cow<'static, str>,
    pub retry_after: Option<Duration>,
    pub offer: Option<Offer>,
    /// Further fields of problem+json.
    pub more: Vec<(&'static str, serde_json::Value)>,
}

/// An action that the page of a problem offers.
#[derive(Clone, Debug)]
pub enum Offer {
    SwitchTo { id: String, name: String },
    SignOut,
}

impl Problem {
    /// A problem with the default title and detail of a status.
    pub fn of(status: StatusCode) -> Self {
        let (title, detail) = match status.as_u16() {
            400 => ("Bad request", "The request could not be read."),
            401 => ("Not signed in", "Sign in and try again."),
            403 => ("Not allowed", "You may not do this."),
            404 => ("Not found", "There is nothing at this address, or you may not see it."),
            405 => ("Method not allowed", "This address does not take that kind of request."),
            408 => ("Too slow", "The request did not arrive in time."),
            409 => ("Out of step", "Something has changed in the meantime. Load the page again."),
            413 => ("Too large", "The request is larger than this server accepts."),
            415 => ("Unsupported media type", "The request's Content-Type is not accepted here."),
            422 => ("Not accepted", "A value in the request is missing or has the wrong form."),
            429 => ("Too many requests", "Wait a moment and try again."),
            431 => (
                "Headers too large",
                "The request's headers are larger than this server accepts. Clear this site's cookies and try again.",
            ),
            503 => ("Unavailable", "The server cannot answer right now."),
            code if code < 500 => ("Bad request", "The request was refused."),
            _ => ("Something went wrong", "The fault is ours and was written to the log."),
        };
        Self {
            status,
            title,
            detail: Cow::Borrowed(detail),
            retry_after: None,
            offer: None,
            more: Vec::new(),
        }
    }

    #[must_use]
    pub fn detail(mut self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.detail = detail.into();
        self
    }

    #[must_use]
    pub fn title(mut self, title: &'static str) -> Self {
        self.title = title;
        self
    }

    #[must_use]
    pub fn more(mut self, name: &'static str, value: impl Into<serde_json::Value>) -> Self {
        self.more.push((name, value.into()));
        self
    }

    #[must_use]
    pub fn retry_after(mut self, span: Duration) -> Self {
        self.retry_after = Some(span);
        self
    }
}

/// A response with the status and, as an extension, the problem. `http::problems` adds the body.
impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        // Room for all headers of a refusal at once.
        response.headers_mut().reserve(8);
        if let Some(span) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(span.as_secs()));
        }
        response.extensions_mut().insert(self);
        response
    }
}
