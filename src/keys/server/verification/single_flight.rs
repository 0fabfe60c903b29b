//! First checks of tokens that are in progress. Further requests with the same token wait for the same result.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::OnceCell;

use super::cache::KeyEntry;
use super::digest::TokenDigest;
use super::negative_cache::RejectedToken;
use crate::platform::Error;

/// The result of a token's first check.
#[derive(Clone)]
pub enum CheckResult {
    Verified(Arc<KeyEntry>),
    /// No secret has this public id.
    Unknown,
    /// The public id exists, but the secret is wrong or has ended.
    Rejected(RejectedToken),
    /// The source has sent too many wrong tokens, and this one is wrong too or could not be checked in time.
    TooManyAttempts(Duration),
}

/// The result that all requests with one token share. None: the check failed.
type SharedResult = Arc<OnceCell<Option<CheckResult>>>;

/// The checks in progress, each with the number of requests that wait for it.
#[derive(Default)]
pub struct SingleFlight(Mutex<HashMap<TokenDigest, (SharedResult, usize)>>);

/// A request that waits for a result. Dropping it, as when the client disconnects, ends the wait.
struct Waiter<'a> {
    flights: &'a SingleFlight,
    digest: TokenDigest,
    result: SharedResult,
}

impl SingleFlight {
    /// Runs `check` unless a check of the same token is in progress; in that case waits for its result. If the request that
    /// runs the check disconnects or has made too many attempts, the next one that waits runs its own check. An error is
    /// shared with all that wait, since otherwise each would fail in turn.
    pub async fn run(
        &self,
        digest: TokenDigest,
        check: impl Future<Output = Result<CheckResult, Error>>,
    ) -> Result<CheckResult, Error> {
        let waiter = self.wait(digest);
        let mut failure = None;
        let check = async {
            match check.await {
                Ok(CheckResult::TooManyAttempts(wait)) => Err(wait),
                Ok(checked) => Ok(Some(checked)),
                Err(error) => {
                    failure = Some(error);
                    Ok(None)
                }
            }
        };
        let result = waiter.result.get_or_try_init(|| check).await.cloned();
        match result {
            Ok(Some(checked)) => Ok(checked),
            Ok(None) => Err(failure.unwrap_or(Error::Busy)),
            Err(wait) => Ok(CheckResult::TooManyAttempts(wait)),
        }
    }

    fn wait(&self, digest: TokenDigest) -> Waiter<'_> {
        let mut flights = self.lock();
        let (result, waiting) = flights.entry(digest).or_default();
        *waiting += 1;
        Waiter { flights: self, digest, result: Arc::clone(result) }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<TokenDigest, (SharedResult, usize)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        let mut flights = self.flights.lock();
        // The map may already hold a newer check of the same token.
        if let Some((result, waiting)) = flights.get_mut(&self.digest)
            && Arc::ptr_eq(result, &self.result)
        {
            *waiting -= 1;
            if *waiting == 0 || result.initialized() {
                flights.remove(&self.digest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn a_client_that_disconnects_leaves_no_entry() {
        let flights = SingleFlight::default();
        let waiting = || flights.lock().values().map(|(_, waiting)| *waiting).collect::<Vec<_>>();
        let mut first = Box::pin(flights.run([1; 32].into(), std::future::pending()));
        let mut second = Box::pin(flights.run([1; 32].into(), async { Ok(CheckResult::Unknown) }));
        assert!((&mut first).now_or_never().is_none());
        assert!((&mut second).now_or_never().is_none(), "the first one runs the check");
        assert_eq!(waiting(), [2]);
        drop(first);
        assert_eq!(waiting(), [1]);
        assert!(matches!(second.await, Ok(CheckResult::Unknown)));
        assert_eq!(waiting(), [0; 0]);
        let mut alone = Box::pin(flights.run([1; 32].into(), std::future::pending()));
        assert!((&mut alone).now_or_never().is_none());
        drop(alone);
        assert_eq!(waiting(), [0; 0]);
    }

    #[tokio::test]
    async fn an_error_is_shared_but_too_many_attempts_are_not() {
        let flights = SingleFlight::default();
        let (send, receive) = tokio::sync::oneshot::channel();
        let mut first = Box::pin(flights.run([1; 32].into(), async { receive.await.expect("a result") }));
        let mut second =
            Box::pin(flights.run([1; 32].into(), async { panic!("the second check must not run") }));
        assert!((&mut first).now_or_never().is_none());
        assert!((&mut second).now_or_never().is_none());
        assert!(send.send(Err(Error::internal("on purpose"))).is_ok());
        assert!(matches!(first.await, Err(Error::Internal(_))));
        assert!(matches!(second.await, Err(Error::Busy)));
        assert!(matches!(
            flights.run([1; 32].into(), async { Ok(CheckResult::Unknown) }).await,
            Ok(CheckResult::Unknown)
        ));

        let (send, receive) = tokio::sync::oneshot::channel();
        let mut first = Box::pin(flights.run([1; 32].into(), async { receive.await.expect("a result") }));
        let mut second = Box::pin(flights.run([1; 32].into(), async { Ok(CheckResult::Unknown) }));
        assert!((&mut first).now_or_never().is_none());
        assert!((&mut second).now_or_never().is_none());
        assert!(send.send(Ok(CheckResult::TooManyAttempts(Duration::from_secs(1)))).is_ok());
        assert!(matches!(first.await, Ok(CheckResult::TooManyAttempts(_))));
        assert!(matches!(second.await, Ok(CheckResult::Unknown)), "another source has its own limit");
        assert!(flights.lock().is_empty());
    }
}
