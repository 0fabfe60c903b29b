//! Limits how many previews run at the same time, because each reads all keys of an organization.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::platform::Error;
use crate::shared::OrgId;

/// The most previews that run at the same time.
const MAX_RUNNING: usize = 2;
const BUSY: &str = "Another preview is running; try again in a moment.";
const SAVING: &str = "Another change of the key policy is being saved; try again in a moment.";

/// The organizations whose preview is running.
#[derive(Default)]
struct Running(Mutex<HashSet<OrgId>>);

/// One of the organizations whose preview is running. Dropping it ends it, also when a client disconnects.
pub struct RunningPreview<'a> {
    running: &'a Running,
    org: OrgId,
}

impl Running {
    fn begin(&self, org: OrgId, most: usize, busy: &'static str) -> Result<RunningPreview<'_>, Error> {
        let mut running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if running.len() >= most || !running.insert(org) {
            return Err(Error::AlreadyRunning(busy));
        }
        Ok(RunningPreview { running: self, org })
    }
}

impl Drop for RunningPreview<'_> {
    fn drop(&mut self) {
        self.running.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.org);
    }
}

/// Previews that somebody asks for are refused while too many run. The preview of a change that is saved waits for its turn
/// instead, and not for those, so that others cannot prevent the change.
pub struct PreviewSlots {
    asked: Running,
    saving: Running,
    turn: Semaphore,
}

impl Default for PreviewSlots {
    fn default() -> Self {
        Self { asked: Running::default(), saving: Running::default(), turn: Semaphore::new(1) }
    }
}

impl PreviewSlots {
    /// Fails while another preview of the organization runs, or two of others.
    pub fn begin(&self, org: OrgId) -> Result<RunningPreview<'_>, Error> {
        self.asked.begin(org, MAX_RUNNING, BUSY)
    }

    /// Waits for the changes of other organizations. Fails while another change of the organization is saved.
    pub async fn begin_saving(&self, org: OrgId) -> Result<(RunningPreview<'_>, SemaphorePermit<'_>), Error> {
        let running = self.saving.begin(org, usize::MAX, SAVING)?;
        // The semaphore is never closed.
        let turn = self.turn.acquire().await.map_err(|_| Error::Busy)?;
        Ok((running, turn))
    }
}
