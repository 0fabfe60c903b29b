//! The interface of the slices that file requests: they execute approved ones.

use async_trait::async_trait;

use crate::approvals::ApprovalRequest;
use crate::orgs::server::Actor;
use crate::platform::db::Write;
use crate::platform::{App, Error};

#[async_trait]
pub trait ApprovalHandler: Send + Sync {
    /// The kind of its requests.
    fn kind(&self) -> &'static str;

    /// Called in the transaction of the approval.
    async fn on_approved(
        &self,
        app: &App,
        write: &mut Write,
        approver: &Actor,
        request: &ApprovalRequest,
    ) -> Result<ApprovalExecution, Error>;

    /// The link or button that an approved request offers to its requester, if a step is left.
    fn next_step(&self, _request: &ApprovalRequest) -> Option<NextStep> {
        None
    }
}

/// What happens to a request when it is approved.
pub enum ApprovalExecution {
    /// The requester executes the request later.
    Deferred,
    /// It was executed in the transaction.
    Executed,
    /// This person may not approve it, or it can no longer be executed. The text says why.
    Refused(String),
}

/// A button on the page of an approved request.
pub struct NextStep {
    pub label: &'static str,
    /// The address of a form without fields.
    pub action: String,
    pub hint: &'static str,
}

/// The slices that file requests.
pub struct ApprovalHandlers(pub Vec<Box<dyn ApprovalHandler>>);

impl ApprovalHandlers {
    pub fn for_kind(&self, kind: &str) -> Option<&dyn ApprovalHandler> {
        self.0.iter().find(|slice| slice.kind() == kind).map(AsRef::as_ref)
    }
}
