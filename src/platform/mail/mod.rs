//! Letters leave here. Whoever posts one is told at once whether it is on its way and never waits for the mail server:
//! letters are sent beside the requests, a few at a time, and tried again while the server refuses for now. What still
//! waits when the process ends is lost; every letter carries a link that can be made anew.

mod letter;

pub use letter::Letter;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use lettre::message::Mailbox;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use tokio::sync::{Notify, OnceCell, Semaphore};

use super::config::{self, SmtpTls, SmtpUrl};
use super::metrics::Letters;
use super::{Clock, Random};

const AT_A_TIME: usize = 4;
/// More than this waiting, and the next letter is refused.
const MOST_WAITING: usize = 1_000;
/// After a failure that may pass.
const AGAIN_AFTER: [Duration; 3] =
    [Duration::from_secs(15), Duration::from_secs(2 * 60), Duration::from_secs(10 * 60)];
/// What letters on their way get when the server stops.
const FAREWELL: Duration = Duration::from_secs(5);

/// What became of a letter, for the page that posted it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Posted {
    /// On its way; whether the mail server takes it shows in the log.
    Queued,
    /// No mail server is configured: the link has to be handed over by hand.
    NoMail,
    /// Too many letters wait already, or the address cannot be written to.
    Refused,
}

type Transport = AsyncSmtpTransport<Tokio1Executor>;

#[derive(Clone)]
pub struct Mail(Option<Arc<Office>>);

struct Office {
    smtp: SmtpUrl,
    from: Mailbox,
    timeout: Duration,
    /// Made with the first letter: reading the system's certificates takes a moment.
    transport: OnceCell<Transport>,
    turns: Semaphore,
    waiting: AtomicUsize,
    one_less: Notify,
    clock: Clock,
    random: Random,
    letters: Letters,
}

/// Why a letter was not sent.
struct Failure {
    why: String,
    for_now: bool,
}

impl Mail {
    pub fn new(settings: &config::Mail, clock: &Clock, random: &Random, letters: Letters) -> Self {
        let (Some(smtp), Some(from)) = (settings.smtp_url.clone(), settings.mail_from.clone()) else {
            return Self(None);
        };
        Self(Some(Arc::new(Office {
            smtp,
            from,
            timeout: settings.mail_timeout,
            transport: OnceCell::new(),
            turns: Semaphore::new(AT_A_TIME),
            waiting: AtomicUsize::new(0),
            one_less: Notify::new(),
            clock: clock.clone(),
            random: random.clone(),
            letters,
        })))
    }

    pub fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Hands a letter over.
    pub fn post(&self, letter: &Letter) -> Posted {
        let Some(office) = &self.0 else { return Posted::NoMail };
        let id = office.random.base62(22);
        let message = match letter.message(&office.from, &id, office.clock.now()) {
            Ok(message) => message,
            Err(error) => {
                tracing::warn!(%error, subject = letter.subject, "a letter cannot be written");
                return Posted::Refused;
            }
        };
        let Some(place) = Place::take(office) else {
            office.letters.refused();
            tracing::error!("{MOST_WAITING} letters wait for the mail server already; one more was refused");
            return Posted::Refused;
        };
        tokio::spawn(deliver(place, message, id));
        Posted::Queued
    }

    /// Lets letters on their way go out before the process ends.
    pub async fn finish(&self) {
        let Some(office) = &self.0 else { return };
        let all_gone = async {
            loop {
                let less = office.one_less.notified();
                if office.waiting.load(Ordering::SeqCst) == 0 {
                    return;
                }
                less.await;
            }
        };
        if tokio::time::timeout(FAREWELL, all_gone).await.is_err() {
            let left = office.waiting.load(Ordering::SeqCst);
            tracing::warn!("{left} letters were not sent before the end");
        }
    }
}

async fn deliver(place: Place, message: Message, id: String) {
    let office = Arc::clone(&place.0);
    for pause in AGAIN_AFTER.into_iter().map(Some).chain([None]) {
        match office.send(message.clone()).await {
            Ok(()) => {
                office.letters.sent();
                tracing::info!(id, "a letter was sent");
                return;
            }
            Err(failure) => {
                office.letters.failed();
                match pause.filter(|_| failure.for_now) {
                    Some(pause) => {
                        tracing::warn!(
                            id,
                            error = failure.why,
                            "a letter was not sent; trying again in {pause:?}"
                        );
                        tokio::time::sleep(pause).await;
                    }
                    None => {
                        tracing::error!(id, error = failure.why, "a letter was not sent");
                        return;
                    }
                }
            }
        }
    }
}

impl Office {
    async fn send(&self, message: Message) -> Result<(), Failure> {
        let for_now = |why: String| Failure { why, for_now: true };
        let _turn = self.turns.acquire().await.map_err(|error| for_now(error.to_string()))?;
        let sending = async {
            let transport = self.transport.get_or_try_init(|| async { self.connect() }).await;
            let transport = transport.map_err(|error| for_now(error.to_string()))?;
            let sent = transport.send(message).await;
            sent.map(drop).map_err(|error| Failure { why: chain(&error), for_now: !error.is_permanent() })
        };
        tokio::time::timeout(self.timeout, sending).await.unwrap_or_else(|_| {
            Err(for_now(format!("the mail server did not take it within {:?}", self.timeout)))
        })
    }

    fn connect(&self) -> Result<Transport, lettre::transport::smtp::Error> {
        let host = self.smtp.host();
        let tls = match self.smtp.tls {
            SmtpTls::Wrapped => Tls::Wrapper(TlsParameters::new(host.to_owned())?),
            SmtpTls::StartTls => Tls::Required(TlsParameters::new(host.to_owned())?),
            SmtpTls::None => Tls::None,
        };
        let mut builder = Transport::builder_dangerous(host)
            .port(self.smtp.port())
            .tls(tls)
            .timeout(Some(self.timeout))
            .hello_name(ClientId::Domain(self.from.email.domain().to_owned()));
        if let Some((user, password)) = self.smtp.credentials() {
            builder = builder.credentials(Credentials::new(user, password.expose().to_owned()));
        }
        Ok(builder.build())
    }
}

/// An error with its causes, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text = format!("{text}: {inner_text}");
        }
        cause = inner.source();
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A place in the queue.
struct Place(Arc<Office>);

impl Place {
    fn take(office: &Arc<Office>) -> Option<Self> {
        let place = Self(Arc::clone(office));
        (office.waiting.fetch_add(1, Ordering::SeqCst) < MOST_WAITING).then_some(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::SeqCst);
        self.0.one_less.notify_waiters();
    }
}
