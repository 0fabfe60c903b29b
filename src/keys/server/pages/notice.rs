//! What a higher slice shows on the page of a key, above its usage.

use async_trait::async_trait;
use leptos::prelude::*;

use crate::keys::server::Key;
use crate::orgs::server::Member;
use crate::platform::{App, Error};

/// A part of a page, rendered lazily because it needs the context of the page around it.
pub type LazyView = Box<dyn FnOnce() -> AnyView + Send>;

/// Implemented by the slice of leaked keys, which stands above this one.
#[async_trait]
pub trait KeyNotice: Send + Sync {
    /// Returns None when there is nothing to say about the key.
    async fn of_key(&self, app: &App, member: &Member, key: &Key) -> Result<Option<LazyView>, Error>;
}

/// The implementation registered in `Slices`.
pub struct RegisteredKeyNotice(pub Box<dyn KeyNotice>);
