//! Sends letters (emails). `post` queues a letter and returns at once; background tasks send a few letters at a time and
//! retry after temporary errors. Letters that are still queued when the process ends are lost, but people can request the
//! links in them again.

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
use super::{Clock, OnceAMinute, Random};

/// Letters that are sent at the same time.
const MAX_SENDING: usize = 4;
/// Letters that may be queued. `post` refuses further ones.
const MAX_QUEUED: usize = 1_000;
/// The pauses before each retry after a temporary error.
const RETRY_PAUSES: [Duration; 3] =
    [Duration::from_secs(15), Duration::from_secs(2 * 60), Duration::from_secs(10 * 60)];
/// How long `finish` waits for the queued letters when the server stops.
const FINISH_TIME: Duration = Duration::from_secs(5);

/// The result of posting a letter, for the page that posted it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Posted {
    /// Queued. The log says whether the mail server accepts it.
    Queued,
    /// No mail server is configured, so somebody has to pass on the link by other means.
    NoMail,
    /// Too many letters are queued, or the recipient's address is invalid.
    Refused,
}

/// The result of sending a letter at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LetterOutcome {
    Sent,
    /// It cannot be sent, now or later.
    Impossible,
    /// The mail server cannot be reached, or refused the letter for now.
    NotNow,
}

type Transport = AsyncSmtpTransport<Tokio1Executor>;

#[derive(Clone)]
pub struct Mailer(Option<Arc<MailQueue>>);

struct MailQueue {
    smtp: SmtpUrl,
    sender: Mailbox,
    timeout: Duration,
    /// Created for the first letter, because reading the system's certificates takes a moment.
    transport: OnceCell<Transport>,
    /// One permit for each letter that may be sent at the same time.
    sending: Semaphore,
    /// Letters that are queued or being sent.
    queued: AtomicUsize,
    /// Notified when a letter leaves the queue.
    letter_done: Notify,
    clock: Clock,
    random: Random,
    letters: Letters,
    /// Limits the log lines about a full queue.
    refusals: OnceAMinute,
}

/// Why a letter was not sent.
struct SendError {
    reason: String,
    is_temporary: bool,
}

impl Mailer {
    pub fn new(settings: &config::MailSettings, clock: &Clock, random: &Random, letters: Letters) -> Self {
        let (Some(smtp), Some(sender)) = (settings.smtp_url.clone(), settings.mail_from.clone()) else {
            return Self(None);
        };
        Self(Some(Arc::new(MailQueue {
            smtp,
            sender,
            timeout: settings.mail_timeout,
            transport: OnceCell::new(),
            sending: Semaphore::new(MAX_SENDING),
            queued: AtomicUsize::new(0),
            letter_done: Notify::new(),
            clock: clock.clone(),
            random: random.clone(),
            letters,
            refusals: OnceAMinute::default(),
        })))
    }

    pub fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Queues a letter.
    pub fn post(&self, letter: &Letter) -> Posted {
        let Some(queue) = &self.0 else { return Posted::NoMail };
        let id = queue.random.base62(22);
        let message = match letter.message(&queue.sender, &id, queue.clock.now()) {
            Ok(message) => message,
            Err(error) => {
                tracing::warn!(%error, subject = letter.subject, "invalid letter");
                return Posted::Refused;
            }
        };
        let Some(slot) = MailSlot::take(queue) else {
            queue.letters.refused();
            if let Some(refused) = queue.refusals.count(queue.clock.steady()) {
                tracing::error!(
                    refused,
                    "emails are refused: {MAX_QUEUED} are queued for the mail server already"
                );
            }
            return Posted::Refused;
        };
        tokio::spawn(deliver(slot, message, id));
        Posted::Queued
    }

    /// Sends a letter and waits until the mail server has accepted or refused it. The caller repeats it if that failed.
    pub async fn send(&self, letter: &Letter) -> LetterOutcome {
        let Some(queue) = &self.0 else { return LetterOutcome::Impossible };
        let id = queue.random.base62(22);
        let message = match letter.message(&queue.sender, &id, queue.clock.now()) {
            Ok(message) => message,
            Err(error) => {
                tracing::warn!(%error, subject = letter.subject, "invalid letter");
                return LetterOutcome::Impossible;
            }
        };
        match queue.send(message).await {
            Ok(()) => {
                queue.letters.sent();
                tracing::info!(id, "letter sent");
                LetterOutcome::Sent
            }
            Err(error) => {
                queue.letters.failed();
                tracing::warn!(id, error = error.reason, "letter not sent");
                if error.is_temporary { LetterOutcome::NotNow } else { LetterOutcome::Impossible }
            }
        }
    }

    /// Waits for the queued letters before the process ends.
    pub async fn finish(&self) {
        let Some(queue) = &self.0 else { return };
        let all_done = async {
            loop {
                let letter_done = queue.letter_done.notified();
                if queue.queued.load(Ordering::SeqCst) == 0 {
                    return;
                }
                letter_done.await;
            }
        };
        if tokio::time::timeout(FINISH_TIME, all_done).await.is_err() {
            let count = queue.queued.load(Ordering::SeqCst);
            tracing::warn!("stopped before {count} letters were sent");
        }
    }
}

/// Sends a letter, with retries.
async fn deliver(slot: MailSlot, message: Message, id: String) {
    let queue = Arc::clone(&slot.0);
    for pause in RETRY_PAUSES.into_iter().map(Some).chain([None]) {
        match queue.send(message.clone()).await {
            Ok(()) => {
                queue.letters.sent();
                tracing::info!(id, "letter sent");
                return;
            }
            Err(error) => {
                queue.letters.failed();
                match pause.filter(|_| error.is_temporary) {
                    Some(pause) => {
                        tracing::warn!(id, error = error.reason, "letter not sent; retrying in {pause:?}");
                        tokio::time::sleep(pause).await;
                    }
                    None => {
                        tracing::error!(id, error = error.reason, "letter not sent");
                        return;
                    }
                }
            }
        }
    }
}

impl MailQueue {
    async fn send(&self, message: Message) -> Result<(), SendError> {
        let temporary = |reason: String| SendError { reason, is_temporary: true };
        let _permit = self.sending.acquire().await.map_err(|error| temporary(error.to_string()))?;
        let sending = async {
            let transport = self.transport.get_or_try_init(|| async { self.connect() }).await;
            let transport = transport.map_err(|error| temporary(error.to_string()))?;
            let sent = transport.send(message).await;
            sent.map(drop)
                .map_err(|error| SendError { reason: chain(&error), is_temporary: !error.is_permanent() })
        };
        tokio::time::timeout(self.timeout, sending).await.unwrap_or_else(|_| {
            Err(temporary(format!("the mail server did not accept it within {:?}", self.timeout)))
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
            .hello_name(ClientId::Domain(self.sender.email.domain().to_owned()));
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

/// The slot of one letter in the queue, until it is sent or given up.
struct MailSlot(Arc<MailQueue>);

impl MailSlot {
    /// None when the queue is full.
    fn take(queue: &Arc<MailQueue>) -> Option<Self> {
        let slot = Self(Arc::clone(queue));
        (queue.queued.fetch_add(1, Ordering::SeqCst) < MAX_QUEUED).then_some(slot)
    }
}

impl Drop for MailSlot {
    fn drop(&mut self) {
        self.0.queued.fetch_sub(1, Ordering::SeqCst);
        self.0.letter_done.notify_waiters();
    }
}
