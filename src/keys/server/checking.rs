//! Tokens that are being checked for the first time: who comes meanwhile waits for the same answer.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::OnceCell;

use super::proven::{Cell, Digest};
use super::wrong::Known;
use crate::platform::Error;

/// What the first check of a token found.
#[derive(Clone)]
pub enum Checked {
    Proven(Arc<Cell>),
    /// No such secret.
    Unknown,
    /// A secret that has ended, or not the secret that has this id.
    Wrong(Known),
    /// Too many wrong ones came from the same address, and this one is wrong too or could not be checked in time.
    TooSoon(Duration),
}

/// None: the check failed.
type Answer = Arc<OnceCell<Option<Checked>>>;

/// With how many wait for each.
#[derive(Default)]
pub struct Checking(Mutex<HashMap<Digest, (Answer, usize)>>);

/// One who waits. Whoever hangs up ends here, too.
struct Waiting<'a> {
    all: &'a Checking,
    digest: Digest,
    answer: Answer,
}

impl Checking {
    /// However many ask at once, one of them checks; the next one does where that one hangs up, or has tried too often:
    /// that is told to nobody else. Where it fails, it has failed for all, or each would wait in vain after the other.
    pub async fn once(
        &self,
        digest: Digest,
        check: impl Future<Output = Result<Checked, Error>>,
    ) -> Result<Checked, Error> {
        let waiting = self.wait(digest);
        let mut failure = None;
        let check = async {
            match check.await {
                Ok(Checked::TooSoon(wait)) => Err(wait),
                Ok(checked) => Ok(Some(checked)),
                Err(error) => {
                    failure = Some(error);
                    Ok(None)
                }
            }
        };
        let answer = waiting.answer.get_or_try_init(|| check).await.cloned();
        match answer {
            Ok(Some(checked)) => Ok(checked),
            Ok(None) => Err(failure.unwrap_or(Error::Busy)),
            Err(wait) => Ok(Checked::TooSoon(wait)),
        }
    }

    fn wait(&self, digest: Digest) -> Waiting<'_> {
        let mut all = self.lock();
        let (answer, waiting) = all.entry(digest).or_default();
        *waiting += 1;
        Waiting { all: self, digest, answer: Arc::clone(answer) }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Digest, (Answer, usize)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut all = self.all.lock();
        // The answer may be gone already, and another one be waited for.
        if let Some((answer, waiting)) = all.get_mut(&self.digest)
            && Arc::ptr_eq(answer, &self.answer)
        {
            *waiting -= 1;
            if *waiting == 0 || answer.initialized() {
                all.remove(&self.digest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn who_hangs_up_leaves_nothing_behind() {
        let checking = Checking::default();
        let waiting = || checking.lock().values().map(|(_, waiting)| *waiting).collect::<Vec<_>>();
        let mut first = Box::pin(checking.once([1; 12], std::future::pending()));
        let mut second = Box::pin(checking.once([1; 12], async { Ok(Checked::Unknown) }));
        assert!((&mut first).now_or_never().is_none());
        assert!((&mut second).now_or_never().is_none(), "the first is at it");
        assert_eq!(waiting(), [2]);
        drop(first);
        assert_eq!(waiting(), [1]);
        assert!(matches!(second.await, Ok(Checked::Unknown)));
        assert_eq!(waiting(), [0; 0]);
        let mut alone = Box::pin(checking.once([1; 12], std::future::pending()));
        assert!((&mut alone).now_or_never().is_none());
        drop(alone);
        assert_eq!(waiting(), [0; 0]);
    }

    #[tokio::test]
    async fn what_failed_has_failed_for_all_and_what_came_too_soon_for_one() {
        let checking = Checking::default();
        let (fail, failed) = tokio::sync::oneshot::channel();
        let mut first = Box::pin(checking.once([1; 12], async { failed.await.expect("it is told") }));
        let mut second = Box::pin(checking.once([1; 12], async { panic!("it failed already") }));
        assert!((&mut first).now_or_never().is_none());
        assert!((&mut second).now_or_never().is_none());
        assert!(fail.send(Err(Error::internal("on purpose"))).is_ok());
        assert!(matches!(first.await, Err(Error::Internal(_))));
        assert!(matches!(second.await, Err(Error::Busy)));
        assert!(matches!(checking.once([1; 12], async { Ok(Checked::Unknown) }).await, Ok(Checked::Unknown)));

        let (tell, told) = tokio::sync::oneshot::channel();
        let mut first = Box::pin(checking.once([1; 12], async { told.await.expect("it is told") }));
        let mut second = Box::pin(checking.once([1; 12], async { Ok(Checked::Unknown) }));
        assert!((&mut first).now_or_never().is_none());
        assert!((&mut second).now_or_never().is_none());
        assert!(tell.send(Ok(Checked::TooSoon(Duration::from_secs(1)))).is_ok());
        assert!(matches!(first.await, Ok(Checked::TooSoon(_))));
        assert!(matches!(second.await, Ok(Checked::Unknown)), "from elsewhere");
        assert!(checking.lock().is_empty());
    }
}
