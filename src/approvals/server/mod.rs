//! The server's side of approvals. One conditional UPDATE decides every race between approving, denying, withdrawing,
//! expiring and using a request.

mod filing_slice;
mod jobs;
mod letters;
mod pages;
mod service;
mod store;

pub use filing_slice::{ApprovalExecution, FilingSlice, FilingSlices, NextStep};
pub use jobs::expire;
pub use letters::ApprovalLetters;
pub use pages::routes;
pub use service::{
    ApprovalAnswer, ApprovalList, ApprovalListPage, ApprovalRefusal, ApprovalVerdict, WaitingApprovals,
    decide, file, find, find_repeat, list, record_use, to_use, too_new, withdraw, withdraw_all_of,
};
