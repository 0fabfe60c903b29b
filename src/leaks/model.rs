//! The leak policy of an organization.

use crate::keys::LeakEffect;
use crate::shared::Kind;

/// The effects that an organization has chosen for leaked keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeakPolicy {
    pub effect: LeakEffect,
    /// The effect on Test keys.
    pub test_effect: LeakEffect,
}

impl Default for LeakPolicy {
    fn default() -> Self {
        Self { effect: LeakEffect::Revoke, test_effect: LeakEffect::Report }
    }
}

impl LeakPolicy {
    pub fn effect_on(self, kind: Kind) -> LeakEffect {
        if kind == Kind::Test { self.test_effect } else { self.effect }
    }
}
