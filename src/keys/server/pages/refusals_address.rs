//! Addresses of the pages with refused requests.

use super::{HOME, path_of};
use crate::keys::server::RefusalSpan;
use crate::shared::KeyId;
use crate::usage::Outcome;

/// The address of a list of refused requests: whose requests, and its filters.
#[derive(Clone, Copy, Debug, Default)]
pub struct RefusalsAddress {
    /// None for all keys of the organization.
    pub key: Option<KeyId>,
    pub outcome: Option<Outcome>,
    pub span: RefusalSpan,
}

impl RefusalsAddress {
    pub fn path(&self) -> String {
        let of = self.key.map_or_else(|| HOME.to_owned(), path_of);
        format!("{of}/refusals")
    }

    pub fn href(&self) -> String {
        let pairs = self.pairs();
        if pairs.is_empty() {
            return self.path();
        }
        let query: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
        format!("{}?{}", self.path(), query.join("&"))
    }

    /// The parameters. Their values need no escaping.
    fn pairs(&self) -> Vec<(&'static str, String)> {
        let reason = self.outcome.map(|outcome| ("reason", outcome.as_str().to_owned()));
        reason.into_iter().chain(self.span.pairs()).collect()
    }

    /// The address of the page after a position.
    pub fn before(&self, position: &str) -> String {
        let separator = if self.pairs().is_empty() { '?' } else { '&' };
        format!("{}{separator}before={position}", self.href())
    }

    pub const fn is_narrowed(&self) -> bool {
        self.outcome.is_some() || self.span.from.is_some() || self.span.until.is_some()
    }

    #[must_use]
    pub fn without_filters(&self) -> Self {
        Self { key: self.key, ..Self::default() }
    }
}
