//! Limits on what strangers and people can make this server do: registrations by network, and documents that are fetched by person
//! and by host. The counts are in memory, per process.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::platform::http::address::network;
use crate::platform::{App, Error, FixedWindow};
use crate::shared::UserId;

const MINUTE: Duration = Duration::from_secs(60);
const REGISTRATIONS_PER_MINUTE: u32 = 20;
const DOCUMENTS_PER_MINUTE: u32 = 10;
/// Above this many entries, expired ones are removed.
const MAX_ENTRIES: usize = 10_000;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum ClientLimitSubject {
    Registrations(IpAddr),
    DocumentsOf(UserId),
    DocumentsAt(String),
}

#[derive(Default)]
pub struct ClientLimits {
    counts: Mutex<HashMap<ClientLimitSubject, FixedWindow>>,
    registration: tokio::sync::Mutex<()>,
}

impl ClientLimits {
    pub fn registration(app: &App, address: IpAddr) -> Result<(), Error> {
        let subject = ClientLimitSubject::Registrations(network(address));
        app.slice::<Self>().take(&[subject], REGISTRATIONS_PER_MINUTE, app.clock.steady())
    }

    /// Locked while unused apps are counted and one is added, so that concurrent requests cannot exceed the limit.
    pub async fn lock_registration(app: &App) -> tokio::sync::MutexGuard<'_, ()> {
        app.slice::<Self>().registration.lock().await
    }

    pub fn document(app: &App, user: UserId, host: &str) -> Result<(), Error> {
        let subjects =
            [ClientLimitSubject::DocumentsOf(user), ClientLimitSubject::DocumentsAt(host.to_owned())];
        app.slice::<Self>().take(&subjects, DOCUMENTS_PER_MINUTE, app.clock.steady())
    }

    fn take(&self, subjects: &[ClientLimitSubject], most: u32, now: Duration) -> Result<(), Error> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.len() > MAX_ENTRIES {
            counts.retain(|_, window| window.is_running(now));
        }
        // Still full, so this is a flood of addresses. Clearing their counts is safer than growing.
        if counts.len() > MAX_ENTRIES {
            counts.retain(|subject, _| matches!(subject, ClientLimitSubject::DocumentsOf(_)));
        }
        let spent = subjects.iter().filter_map(|subject| {
            let window = counts.get(subject)?;
            (window.count(now) >= most).then(|| window.remaining(now))
        });
        if let Some(wait) = spent.max() {
            return Err(Error::TooMany(Duration::from_secs(wait.as_millis().div_ceil(1_000) as u64)));
        }
        for subject in subjects {
            counts.entry(subject.clone()).or_insert(FixedWindow::of(MINUTE)).add(now);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn person_and_host_are_limited_each() {
        let limits = ClientLimits::default();
        let of = |user: UserId, host: &str| {
            let subjects =
                [ClientLimitSubject::DocumentsOf(user), ClientLimitSubject::DocumentsAt(host.to_owned())];
            limits.take(&subjects, 2, MINUTE)
        };
        let [one, two] = [1, 2].map(|byte| UserId::new(crate::shared::Timestamp::from_millis(0), [byte; 10]));
        assert!(of(one, "a.example").is_ok() && of(one, "b.example").is_ok());
        assert!(of(one, "c.example").is_err(), "the person");
        assert!(of(two, "a.example").is_ok());
        assert!(of(UserId::NIL, "a.example").is_err(), "the host");
    }
}
