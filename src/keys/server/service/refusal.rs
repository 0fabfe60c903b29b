//! Why an operation on a key was refused.

use crate::platform::Error;
use crate::shared::{ApprovalId, KeyId};

/// Why an operation was refused. Nothing has changed.
#[derive(Debug)]
pub enum Refusal {
    /// Errors by field.
    Input(Vec<(&'static str, String)>),
    /// The key's state does not allow the operation.
    State(&'static str),
    /// The same request was already executed. Its plaintext cannot be shown again.
    Repeated(KeyId),
    /// A second person must approve first: the request that was filed.
    Waits(ApprovalId),
    Error(Error),
}

impl Refusal {
    pub fn field(field: &'static str, why: impl Into<String>) -> Self {
        Self::Input(vec![(field, why.into())])
    }
}

impl<E: Into<Error>> From<E> for Refusal {
    fn from(error: E) -> Self {
        Self::Error(error.into())
    }
}
