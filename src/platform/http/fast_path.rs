//! For doors that are asked at every request of somebody's API: what the stack does for the others, in fewer steps. No
//! cookie is read, nothing is compressed, one line is logged for refusals only.

use std::future::poll_fn;
use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::{FutureExt, stream};
use http_body_util::{BodyExt, Collected, Limited};
use tower::ServiceExt;

use super::cross_site::SEC_FETCH_SITE;
use super::visit::{Peer, known_method};
use super::{address, headers, host, problems, proxy_hint};
use crate::platform::{App, Error, Problem};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A handler that needs no more than this.
pub type FastHandler = for<'a> fn(&'a App, Peer, Request) -> Answer<'a>;

/// What can be told at once is; a future for it would cost a part of the answer.
pub enum Answer<'a> {
    Now(Response),
    Later(Pin<Box<dyn Future<Output = Response> + Send + 'a>>),
}

pub struct FastRoute {
    pub method: Method,
    pub path: &'static str,
    pub handler: FastHandler,
}

/// A small question that is asked again and again, and whose usual answer is in memory. None: the usual way, on which
/// nothing of this is known.
pub type Quick = fn(&App, &HeaderMap, &Bytes) -> Option<QuickAnswer>;

pub struct QuickAnswer {
    pub status: StatusCode,
    pub body: Bytes,
}

pub struct QuickRoute {
    pub path: &'static str,
    pub answer: Quick,
    /// Of its answers, besides those of every answer.
    pub headers: HeaderMap,
}

/// What stands before the router.
pub struct Before {
    pub fast: Vec<FastRoute>,
    pub quick: Vec<QuickRoute>,
}

/// A quick question is not larger.
const SMALL: u64 = 2 * 1024;
/// It comes at once; what takes longer goes the usual way.
const AT_ONCE: Duration = Duration::from_millis(100);

/// Where every request arrives: the few doors that stand before the router first, then the router with all that is
/// around it.
#[derive(Clone)]
pub struct Dispatcher {
    app: App,
    before: Arc<Before>,
    /// Headers of the quick doors' answers.
    templates: Arc<[Template]>,
    router: Router,
}

impl Dispatcher {
    pub fn new(app: &App, before: Before, router: Router) -> Self {
        let template = |door: &QuickRoute| {
            let mut all = door.headers.clone();
            headers::put(app, &mut all);
            Template::of(&[], all)
        };
        let templates = before.quick.iter().map(template).collect();
        Self { app: app.clone(), before: Arc::new(before), templates, router }
    }

    /// Those within the stack are asked in the end.
    async fn usual(&self, peer: Peer, mut request: Request) -> Response {
        request.extensions_mut().insert(peer);
        let Ok(response) = self.router.clone().oneshot(request).await;
        response
    }

    /// The response to a request whose host is missing, doubled or invalid.
    fn refuse(&self, Peer(peer): Peer, request: &Request, why: &'static str) -> Response {
        let info = RequestInfo { request_id: self.app.request_id(), address: peer.ip() };
        tracing::info!(id = info.request_id, status = 400, why, "answered");
        self.app.metrics.answered(known_method(request.method()), "none", 400, Duration::ZERO);
        let mut response = info.problem(Problem::of(StatusCode::BAD_REQUEST).detail(why));
        headers::put(&self.app, response.headers_mut());
        response
    }

    async fn quick(&self, place: usize, peer: Peer, request: Request) -> Response {
        let (door, template) = (&self.before.quick[place], &self.templates[place]);
        let started = self.app.clock.steady();
        let is_small = request.body().size_hint().upper().is_some_and(|size| size <= SMALL);
        // Browsers say where a question comes from: whether that is fine is not decided here.
        if !is_small || request.headers().contains_key(SEC_FETCH_SITE) {
            return self.usual(peer, request).await;
        }
        let Ok(info) = RequestInfo::of(&self.app, peer, &request) else {
            return self.usual(peer, request).await;
        };
        let (head, body) = request.into_parts();
        let mut body = Box::pin(async move { body.collect().await.map(Collected::to_bytes) });
        // A timer would cost more than the answer. Each look at the connection (`super::pace`) asks here again.
        let at_once = poll_fn(|context| match body.as_mut().poll(context) {
            Poll::Ready(read) => Poll::Ready(Some(read)),
            Poll::Pending if self.app.clock.steady().saturating_sub(started) > AT_ONCE => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        });
        let body = match at_once.await {
            Some(Ok(bytes)) => bytes,
            Some(Err(error)) => {
                let broken = Body::from_stream(stream::once(async { Err::<Bytes, _>(error) }));
                return self.usual(peer, Request::from_parts(head, broken)).await;
            }
            None => {
                let rest = Body::from_stream(stream::once(body));
                return self.usual(peer, Request::from_parts(head, rest)).await;
            }
        };
        let answer = AssertUnwindSafe(|| (door.answer)(&self.app, &head.headers, &body));
        let Ok(Some(QuickAnswer { status, body })) = std::panic::catch_unwind(answer) else {
            return self.usual(peer, Request::from_parts(head, Body::from(body))).await;
        };
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = status;
        *response.headers_mut() = info.headers(template, []);
        let took = self.app.clock.steady().saturating_sub(started);
        self.app.metrics.answered("POST", door.path, status.as_u16(), took);
        response
    }

    pub async fn answer(&self, peer: Peer, request: Request) -> Response {
        if let Some(why) = host::fault(&request, self.app.public_url.authority()) {
            return self.refuse(peer, &request, why);
        }
        let path = request.uri().path();
        let Some(door) = self.before.fast.iter().find(|door| door.path == path) else {
            return match self.before.quick.iter().position(|door| door.path == path) {
                // Boxed, so that the future of a fast route stays small.
                Some(place) if *request.method() == Method::POST => {
                    Box::pin(self.quick(place, peer, request)).await
                }
                _ => Box::pin(self.usual(peer, request)).await,
            };
        };
        let method = request.method();
        if *method != door.method && !(method == Method::HEAD && door.method == Method::GET) {
            let refused = match RequestInfo::of(&self.app, peer, &request) {
                Ok(info) => info.problem(Problem::of(StatusCode::METHOD_NOT_ALLOWED)),
                Err(refused) => *refused,
            };
            let allowed = if door.method == Method::GET { "GET,HEAD" } else { "POST" };
            return ([(header::ALLOW, allowed)], refused).into_response();
        }
        // A fault of ours must not take the connection along.
        let asked = AssertUnwindSafe(|| (door.handler)(&self.app, peer, request));
        let answered = match std::panic::catch_unwind(asked) {
            Ok(Answer::Later(answer)) => AssertUnwindSafe(answer).catch_unwind().await,
            Ok(Answer::Now(response)) => Ok(response),
            Err(panicked) => Err(panicked),
        };
        match answered {
            Ok(response) => response,
            Err(_) => {
                let info = RequestInfo { request_id: self.app.request_id(), address: peer.0.ip() };
                info.problem(Error::internal("a handler panicked"))
            }
        }
    }
}

/// What a fast route needs to know about its caller.
pub struct RequestInfo {
    pub request_id: String,
    /// The caller, behind trusted proxies.
    pub address: IpAddr,
}

impl RequestInfo {
    /// An error is an answer already.
    pub fn of(app: &App, Peer(peer): Peer, request: &Request) -> Result<Self, Box<Response>> {
        let headers = request.headers();
        let info = Self {
            request_id: app.request_id(),
            address: address::caller(peer.ip(), headers, &app.config.web.trusted_proxies),
        };
        let (mut size, mut names_a_caller) = (0, false);
        for (name, value) in headers {
            size += name.as_str().len() + value.len();
            names_a_caller |= proxy_hint::names_a_caller(name);
        }
        if names_a_caller {
            app.proxy_hint.note(peer.ip(), &app.config.web.trusted_proxies);
        }
        let target = request.uri().path_and_query().map_or(0, |address| address.as_str().len());
        if size + target > app.config.limits.max_headers.get() {
            return Err(Box::new(info.problem(Error::HeadersTooLarge)));
        }
        Ok(info)
    }

    /// The answer, with what every answer carries.
    pub fn finish(self, mut response: Response) -> Response {
        let headers = response.headers_mut();
        if let Ok(id) = HeaderValue::from_maybe_shared(Bytes::from(self.request_id)) {
            headers.insert(REQUEST_ID, id);
        }
        put_constants(headers);
        response
    }

    /// The headers of an answer whose names are always the same, the request's id among them.
    pub fn headers<const N: usize>(self, template: &Template, values: [HeaderValue; N]) -> HeaderMap {
        let id = HeaderValue::from_maybe_shared(Bytes::from(self.request_id));
        template.filled(id.unwrap_or(HeaderValue::from_static("")), values)
    }

    /// A refusal as problem+json.
    pub fn refuse(self, refused: Refused) -> Response {
        let text = problems::problem_text(&refused.problem, &self.request_id);
        let mut response = Response::new(Body::from(text));
        *response.status_mut() = refused.problem.status;
        *response.headers_mut() = refused.into_headers();
        self.finish(response)
    }

    /// The same for one that was made ready.
    pub fn refuse_ready(self, ready: &ReadyRefusal) -> Response {
        let mut text = String::with_capacity(ready.before.len() + self.request_id.len() + ready.after.len());
        for part in [&ready.before, &self.request_id, &ready.after] {
            text.push_str(part);
        }
        let mut response = Response::new(Body::from(text));
        *response.status_mut() = ready.status;
        *response.headers_mut() = self.headers(&ready.template, []);
        response
    }

    /// The same for what is an answer already.
    pub fn problem(self, problem: impl IntoResponse) -> Response {
        let mut response = problem.into_response();
        if let Some(problem) = response.extensions_mut().remove::<Problem>() {
            *response.body_mut() = Body::from(problems::problem_text(&problem, &self.request_id));
            let kind = HeaderValue::from_static(problems::PROBLEM_JSON);
            response.headers_mut().insert(header::CONTENT_TYPE, kind);
        }
        self.finish(response)
    }
}

/// A problem and the headers that go with it.
pub struct Refused {
    pub problem: Problem,
    pub headers: HeaderMap,
}

impl Refused {
    fn into_headers(self) -> HeaderMap {
        let mut headers = self.headers;
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(problems::PROBLEM_JSON));
        if let Some(span) = self.problem.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(span.as_secs()));
        }
        headers
    }
}

/// Headers with the same names at every answer. A copy takes no look-up of a name: the values that differ come first, in
/// an order of their own.
pub struct Template(HeaderMap);

impl Template {
    /// What every answer carries is put in, the request's id first.
    pub fn of(names: &[HeaderName], others: HeaderMap) -> Self {
        const LATER: HeaderValue = HeaderValue::from_static("");
        let mut headers = HeaderMap::with_capacity(16);
        headers.insert(REQUEST_ID, LATER);
        headers.extend(names.iter().map(|name| (name.clone(), LATER)));
        headers.extend(others);
        put_constants(&mut headers);
        Self(headers)
    }

    fn filled<const N: usize>(&self, id: HeaderValue, values: [HeaderValue; N]) -> HeaderMap {
        let mut headers = self.0.clone();
        for (place, value) in headers.values_mut().zip([id].into_iter().chain(values)) {
            *place = value;
        }
        headers
    }
}

/// A refusal that is always the same but for the request's id.
pub struct ReadyRefusal {
    status: StatusCode,
    template: Template,
    before: String,
    after: String,
}

impl ReadyRefusal {
    pub fn of(refused: Refused) -> Self {
        const ID: &str = "req_";
        let text = problems::problem_text(&refused.problem, ID);
        let (before, after) = text.split_once(ID).unwrap_or((&text, ""));
        Self {
            status: refused.problem.status,
            before: before.to_owned(),
            after: after.to_owned(),
            template: Template::of(&[], refused.into_headers()),
        }
    }
}

fn put_constants(headers: &mut HeaderMap) {
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
}

/// Within the stack, which gives it its form.
impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let mut response = self.problem.into_response();
        response.headers_mut().extend(self.headers);
        response
    }
}

/// A small JSON body, or the problem with it.
pub async fn json<T: serde::de::DeserializeOwned>(
    app: &App,
    headers: &HeaderMap,
    body: Body,
) -> Result<T, Problem> {
    if !is_json(headers) {
        let problem = Problem::of(StatusCode::UNSUPPORTED_MEDIA_TYPE);
        return Err(problem.detail("Send the body as application/json."));
    }
    let limits = &app.config.limits;
    let body = Limited::new(body, limits.max_body.get()).collect();
    let body = match tokio::time::timeout(limits.body_timeout, body).await {
        Err(_) => return Err(Problem::of(StatusCode::REQUEST_TIMEOUT)),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
            return Err(Problem::of(StatusCode::PAYLOAD_TOO_LARGE));
        }
        Ok(Err(_)) => return Err(Problem::of(StatusCode::BAD_REQUEST)),
        Ok(Ok(body)) => body.to_bytes(),
    };
    serde_json::from_slice(&body).map_err(|error| {
        let status = match error.classify() {
            serde_json::error::Category::Data => StatusCode::UNPROCESSABLE_ENTITY,
            _ => StatusCode::BAD_REQUEST,
        };
        Problem::of(status).detail(format!("The body is not what is expected here: {error}."))
    })
}

pub fn is_json(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).is_some_and(|kind| {
        let kind = kind.split(';').next().unwrap_or_default().trim();
        kind.eq_ignore_ascii_case("application/json")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_values_of_a_template_stand_under_their_names() {
        let (first, second) = (HeaderName::from_static("x-first"), HeaderName::from_static("x-second"));
        let others = HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"))]);
        let template = Template::of(&[first, second], others);
        let values = ["1", "2"].map(HeaderValue::from_static);
        let filled = template.filled(HeaderValue::from_static("req_1"), values);
        let mut told: Vec<_> = filled.iter().map(|(name, value)| format!("{name}: {value:?}")).collect();
        told.sort();
        assert_eq!(
            told,
            [
                "cache-control: \"no-store\"",
                "content-type: \"text/plain\"",
                "x-content-type-options: \"nosniff\"",
                "x-first: \"1\"",
                "x-request-id: \"req_1\"",
                "x-second: \"2\"",
            ]
        );
    }
}
