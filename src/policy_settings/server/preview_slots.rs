//! Limits how many previews run at the same time, because each reads all keys of an organization.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use crate::platform::Error;
use crate::shared::OrgId;

/// The most previews that run at the same time.
const MAX_RUNNING: usize = 2;
const BUSY: &str = "Another preview is running; try again in a moment.";

/// The organizations whose preview is running.
#[derive(Default)]
pub struct PreviewSlots(Mutex<HashSet<OrgId>>);

/// A running preview. Dropping it ends it, also when a client disconnects.
pub struct PreviewSlot<'a> {
    slots: &'a PreviewSlots,
    org: OrgId,
}

impl PreviewSlots {
    /// Fails while another preview of the organization runs, or two of others.
    pub fn begin(&self, org: OrgId) -> Result<PreviewSlot<'_>, Error> {
        let mut running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if running.len() >= MAX_RUNNING || !running.insert(org) {
            return Err(Error::AlreadyRunning(BUSY));
        }
        Ok(PreviewSlot { slots: self, org })
    }
}

impl Drop for PreviewSlot<'_> {
    fn drop(&mut self) {
        self.slots.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.org);
    }
}
