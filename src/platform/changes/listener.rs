//! What can change, and who in this process hears of it.

use std::sync::{Arc, OnceLock};

/// What can change and be remembered somewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Key,
    Organization,
    /// A device's login, which somebody has decided.
    Login,
}

impl Kind {
    pub(super) const ALL: [Self; 3] = [Self::Key, Self::Organization, Self::Login];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Organization => "organization",
            Self::Login => "login",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub kind: Kind,
    pub id: String,
}

/// What those who remember are told.
#[derive(Clone, Copy, Debug)]
pub enum Heard<'a> {
    Change(&'a Change),
    /// Nobody knows what: all that is remembered may be out of date.
    Gap,
}

/// Who wants to hear of changes: of this process when they are committed, of others when they are read.
#[derive(Clone, Default)]
pub struct Listener(Arc<OnceLock<Hear>>);

type Hear = Box<dyn Fn(Heard<'_>) + Send + Sync>;

impl Listener {
    /// There is one; a second is refused by being ignored, as routers are made again in tests.
    pub fn set(&self, hear: impl Fn(Heard<'_>) + Send + Sync + 'static) {
        let _ = self.0.set(Box::new(hear));
    }

    pub fn tell(&self, changes: &[Change]) {
        changes.iter().for_each(|change| self.say(Heard::Change(change)));
    }

    pub fn tell_gap(&self) {
        self.say(Heard::Gap);
    }

    fn say(&self, heard: Heard<'_>) {
        if let Some(hear) = self.0.get() {
            hear(heard);
        }
    }
}
