//! Filing, deciding, withdrawing and using requests.

mod decide;
mod file;
mod read;
mod refusal;
mod used;

pub use decide::{ApprovalAnswer, ApprovalVerdict, decide, too_new, withdraw, withdraw_all_of};
pub use file::{file, find_repeat};
pub use read::{ApprovalList, ApprovalListPage, WaitingApprovals, find, list};
pub use refusal::ApprovalRefusal;
pub use used::{record_use, to_use};
