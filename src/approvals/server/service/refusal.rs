//! Why an operation on a request was refused.

use crate::platform::Error;

/// Why an operation on a request was refused. Nothing has changed.
#[derive(Debug)]
pub enum ApprovalRefusal {
    /// A field and what is wrong with it.
    Input(&'static str, String),
    /// The state of the request, or of what it asks for, does not allow the operation.
    State(String),
    Error(Error),
}

impl<E: Into<Error>> From<E> for ApprovalRefusal {
    fn from(error: E) -> Self {
        Self::Error(error.into())
    }
}
