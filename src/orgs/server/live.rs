//! `GET /live?topic=…`: what the parts of an open page wait for, as server-sent events on one connection.
//!
//! A page names topics from its own point of view, `organization:…` and `person:…`; whose they are is filled in here
//! from the session, so nobody can listen to anything of others. A connection ends with its session or membership: it
//! checks when this process ends one, and every few seconds because of other processes. It also ends after a while and
//! when the server stops; the browser comes back by itself, and whether it still may is asked anew.

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

use super::{Member, is_still_member};
use crate::platform::live::{LiveEvent, Signal, Subscription, Topic};
use crate::platform::{App, Error, QuotaUse, stream};
use crate::shared::UserId;

/// Ten minutes: then the browser asks again, as whoever it is by then.
const LIFE: Duration = Duration::from_secs(600);
/// Of all pages together; further ones work without live parts.
const MOST: usize = 2_000;
/// The most streams of one person. Each open page has one.
const MOST_OF_PERSON: usize = 50;
const MOST_TOPICS: usize = 50;

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
    if app.live.listeners() >= MOST {
        return Err(Error::Busy);
    }
    let admitted = app.live.admit(member.visitor.person.id, MOST_OF_PERSON).ok_or(Error::Busy)?;
    let asked = url::form_urlencoded::parse(query.as_deref().unwrap_or_default().as_bytes());
    let topics = asked.filter(|(name, _)| name == "topic").take(MOST_TOPICS);
    let topics = topics.map(|(_, topic)| resolve(&member, &topic)).collect::<Option<Vec<_>>>();
    let topics = topics.filter(|topics| !topics.is_empty()).ok_or(Error::NotFound)?;
    let (subscription, stored, events) = app.live.subscribe(topics);
    let state = Listening { app, member, stored, events, ends: end(), subscription, _admitted: admitted };
    let events = stream::steps(state, |mut state| async move {
        let event = state.next().await?;
        Some((Ok::<_, Infallible>(event), state))
    });
    let keep_alive = KeepAlive::new().interval(Duration::from_secs(15));
    Ok(Sse::new(events).keep_alive(keep_alive).into_response())
}

#[expect(
    clippy::disallowed_methods,
    reason = "the runtime's timer, which no test moves, ends the connection"
)]
fn end() -> Instant {
    Instant::now() + LIFE
}

fn resolve(member: &Member, topic: &str) -> Option<Topic> {
    let (whose, what) = topic.split_once(':')?;
    match whose {
        "organization" => Some(Topic::of_org(&member.org.org, what)),
        "person" => Some(Topic::of_person(member.visitor.person.id, what)),
        _ => None,
    }
}

struct Listening {
    app: App,
    /// Who listens, as they were when the connection began.
    member: Member,
    /// Signals from before the page connected.
    stored: Vec<Signal>,
    events: Receiver<LiveEvent>,
    ends: Instant,
    subscription: Subscription,
    _admitted: QuotaUse<UserId>,
}

impl Listening {
    /// The next signal for this page; None ends the connection.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.stored.pop().and_then(|signal| self.event(&signal)) {
                return Some(event);
            }
            let received = tokio::select! {
                // Signals from before the stop are still delivered.
                biased;
                received = timeout_at(self.ends, self.events.recv()) => received.ok()?,
                () = self.app.stopped() => return None,
            };
            let heard = match received {
                Ok(heard) => heard,
                // A request to check may be among what was missed.
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
        person.is_none_or(|person| person == self.member.visitor.person.id)
    }

    /// Does the session still stand, and does its person still belong to the organization?
    async fn may_listen(&self) -> bool {
        let _turn = self.app.live.check_permit().await;
        is_still_member(&self.app, &self.member).await.unwrap_or_else(|error| {
            // The next check tells.
            tracing::debug!(%error, "whether a live stream may go on could not be read");
            true
        })
    }

    /// None: not for this page.
    fn event(&self, signal: &Signal) -> Option<Event> {
        let topic = self.subscription.topics().iter().find(|topic| topic.full_name == signal.topic)?;
        let data = json!({ "topic": topic.page_name, "text": signal.text });
        Some(Event::default().event("arrived").data(data.to_string()))
    }
}
