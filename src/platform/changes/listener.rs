//! The kinds of changes, and the listener that receives the changes of this process.

use std::sync::{Arc, OnceLock};

/// What a change is about, among the objects that caches hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    Key,
    Organization,
    /// A command-line login that was approved or denied.
    Login,
    /// The permissions that an organization lists; with the organization's id.
    Permissions,
}

impl ChangeKind {
    pub(super) const ALL: [Self; 4] = [Self::Key, Self::Organization, Self::Login, Self::Permissions];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Organization => "organization",
            Self::Login => "login",
            Self::Permissions => "permissions",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub kind: ChangeKind,
    pub id: String,
}

/// What caches receive.
#[derive(Clone, Copy, Debug)]
pub enum ChangeEvent<'a> {
    Change(&'a Change),
    /// Changes were missed, so anything that is cached may be out of date.
    Gap,
}

/// Receives changes: those of this process when they are committed, those of other processes when they are read.
#[derive(Clone, Default)]
pub struct ChangeListener(Arc<OnceLock<ChangeCallback>>);

type ChangeCallback = Box<dyn Fn(ChangeEvent<'_>) + Send + Sync>;

impl ChangeListener {
    /// Sets the callback. Only the first call has an effect, because tests build several routers for one database.
    pub fn set(&self, callback: impl Fn(ChangeEvent<'_>) + Send + Sync + 'static) {
        let _ = self.0.set(Box::new(callback));
    }

    pub fn notify(&self, changes: &[Change]) {
        changes.iter().for_each(|change| self.call(ChangeEvent::Change(change)));
    }

    pub fn notify_gap(&self) {
        self.call(ChangeEvent::Gap);
    }

    fn call(&self, event: ChangeEvent<'_>) {
        if let Some(callback) = self.0.get() {
            callback(event);
        }
    }
}
