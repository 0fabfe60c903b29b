//! `GET /live?topic=…`: streams the signals that an open page waits for, as server-sent events.
//!
//! A page names its topics `organization:…` and `person:…`. The server adds the organization and the person from the
//! session, so nobody can listen to other people's topics. A stream ends with its session or membership: it checks them when
//! this process ends one, and a job checks those of all streams every few seconds because of other processes. A stream also
//! ends after ten minutes and when the server stops; the browser then reconnects, and the server checks the session again.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, timeout_at};

use super::Member;
use super::actor::is_still_member;
use crate::platform::live::{LiveEvent, Signal, Subscription, Topic};
use crate::platform::{App, Error, Quota, QuotaUse, stream};
use crate::shared::{OrgId, UserId};

/// The longest life of a stream. Afterwards the browser reconnects with its current session.
const LIFE: Duration = Duration::from_secs(600);
/// The most streams of all people. Further pages work without live updates.
const MAX_STREAMS: usize = 2_000;
/// The most streams of one person. Each open page has one.
const MAX_STREAMS_PER_PERSON: usize = 50;
const MAX_TOPICS: usize = 50;
/// Pages that fetch themselves again after a signal do so at a random time within this many milliseconds for each stream, so that
/// many open pages take only a few per cent of a processor.
const SPREAD_PER_STREAM: usize = 300;

/// The access of open streams. Streams of the same session and organization share one, so that it is checked once.
#[derive(Default)]
pub struct OpenStreams(Quota<StreamAccess>);

#[derive(Clone, PartialEq, Eq, Hash)]
struct StreamAccess {
    session: String,
    person: UserId,
    org: OrgId,
}

impl StreamAccess {
    async fn is_valid(&self, app: &App) -> Result<bool, Error> {
        is_still_member(app, &self.session, self.person, self.org).await
    }
}

/// Ends streams whose session or membership another process has ended, or whose session has expired.
pub async fn end_streams_without_access(app: &App) -> Result<(), Error> {
    for access in app.slice::<OpenStreams>().0.owners() {
        if !access.is_valid(app).await? {
            app.live.recheck(access.person);
        }
    }
    Ok(())
}

pub async fn listen(
    State(app): State<App>,
    member: Result<Member, Error>,
    RawQuery(query): RawQuery,
) -> Result<Response, Error> {
    let member = match member {
        // An open page whose session has ended: the browser does not try again, and reports no error.
        Err(Error::SignInFirst { .. }) => return Ok(StatusCode::NO_CONTENT.into_response()),
        member => member?,
    };
    if app.live.listeners() >= MAX_STREAMS {
        return Err(Error::Busy);
    }
    let admitted = app.live.admit(member.visitor.person.id, MAX_STREAMS_PER_PERSON).ok_or(Error::Busy)?;
    let parameters = url::form_urlencoded::parse(query.as_deref().unwrap_or_default().as_bytes());
    let topics = parameters.filter(|(name, _)| name == "topic").take(MAX_TOPICS);
    let topics = topics.map(|(_, topic)| resolve(&member, &topic)).collect::<Option<Vec<_>>>();
    let topics = topics.filter(|topics| !topics.is_empty()).ok_or(Error::NotFound)?;
    let (subscription, earlier_signals, events) = app.live.subscribe(topics);
    let Member { visitor, .. } = &member;
    let access =
        StreamAccess { session: visitor.session.clone(), person: visitor.person.id, org: member.org.org };
    let registered = app.slice::<OpenStreams>().0.take(access.clone(), MAX_STREAMS).ok_or(Error::Busy)?;
    let live_stream = LiveStream {
        app,
        access,
        earlier_signals,
        events,
        ends: end(),
        subscription,
        _admitted: admitted,
        _registered: registered,
    };
    let events = stream::steps(live_stream, |mut live_stream| async move {
        let event = live_stream.next().await?;
        Some((Ok::<_, Infallible>(event), live_stream))
    });
    let keep_alive = KeepAlive::new().interval(Duration::from_secs(15));
    Ok(Sse::new(events).keep_alive(keep_alive).into_response())
}

#[expect(
    clippy::disallowed_methods,
    reason = "a stream ends by the runtime's timer, which tests do not control"
)]
fn end() -> Instant {
    Instant::now() + LIFE
}

/// Adds the member's organization or person to a topic of the page.
fn resolve(member: &Member, topic: &str) -> Option<Topic> {
    let (owner, name) = topic.split_once(':')?;
    match owner {
        "organization" => Some(Topic::of_org(&member.org.org, name)),
        "person" => Some(Topic::of_person(member.visitor.person.id, name)),
        _ => None,
    }
}

struct LiveStream {
    app: App,
    access: StreamAccess,
    /// The signals from before the page listened.
    earlier_signals: Vec<Signal>,
    events: Receiver<LiveEvent>,
    ends: Instant,
    subscription: Subscription,
    _admitted: QuotaUse<UserId>,
    _registered: QuotaUse<StreamAccess>,
}

impl LiveStream {
    /// The next signal for this page; None ends the stream.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.earlier_signals.pop().and_then(|signal| self.event(&signal)) {
                return Some(event);
            }
            let received = tokio::select! {
                // Deliver the signals from before the stop first.
                biased;
                received = timeout_at(self.ends, self.events.recv()) => received.ok()?,
                () = self.app.stopped() => return None,
            };
            let heard = match received {
                Ok(heard) => heard,
                // A recheck may be among the missed signals.
                Err(RecvError::Lagged(_)) => LiveEvent::Recheck(None),
                Err(RecvError::Closed) => return None,
            };
            let signal = match heard {
                LiveEvent::Signal(signal) => signal,
                LiveEvent::Recheck(person) => {
                    if self.is_concerned(person) && !self.may_listen().await {
                        return None;
                    }
                    continue;
                }
            };
            if let Some(event) = self.event(&signal) {
                return Some(event);
            }
        }
    }

    fn is_concerned(&self, person: Option<UserId>) -> bool {
        person.is_none_or(|person| person == self.access.person)
    }

    /// Returns true if the session is still valid and the person still belongs to the organization.
    async fn may_listen(&self) -> bool {
        let _turn = self.app.live.check_permit().await;
        self.access.is_valid(&self.app).await.unwrap_or_else(|error| {
            // Keep the stream open; the next check decides.
            tracing::debug!(%error, "could not check the session of a live stream");
            true
        })
    }

    /// Converts a signal to an event. Returns None if the page does not listen to its topic.
    fn event(&self, signal: &Signal) -> Option<Event> {
        let topic = self.subscription.topics().iter().find(|topic| topic.full_name == signal.topic)?;
        let spread = self.app.live.listeners() * SPREAD_PER_STREAM;
        let data = json!({ "topic": topic.page_name, "text": signal.text, "spread": spread });
        let event = if signal.is_refusal { "refused" } else { "arrived" };
        Some(Event::default().event(event).data(data.to_string()))
    }
}
