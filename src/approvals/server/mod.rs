//! The server's side of approvals. One conditional UPDATE decides every race between approving, denying, withdrawing,
//! expiring and using a request.

mod handler;
mod jobs;
mod letters;
mod pages;
mod service;
mod store;

pub use handler::{ApprovalExecution, ApprovalHandler, ApprovalHandlers, NextStep};
pub use jobs::expire;
pub use letters::ApprovalLetters;
pub use pages::routes;
pub use service::{
    ApprovalListFilter, ApprovalListPage, ApprovalRefusal, ApprovalVerdict, DecisionDraft,
    PendingApprovalCounter, decide, decline, file, find, find_confirmable, find_duplicate, find_of_agent,
    find_repeat, find_usable, list, record_confirmation, record_use, too_new, withdraw, withdraw_all_of,
};
