//! What another slice does with each event, in the transaction of the change: sending it to webhooks, for example. The slice
//! stands above this one and implements the trait; `platform::Slices` holds the implementation.

use async_trait::async_trait;

use super::event::{By, Event};
use crate::platform::db::Write;
use crate::platform::{App, Error};

#[async_trait]
pub trait EventListener: Send + Sync {
    /// An error undoes the change.
    async fn on_event(&self, app: &App, write: &mut Write, by: &By, event: &Event) -> Result<(), Error>;
}

/// The implementation registered in `Slices`.
pub struct RegisteredListener(pub Box<dyn EventListener>);
