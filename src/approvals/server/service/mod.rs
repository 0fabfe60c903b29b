//! Filing, deciding, withdrawing and using requests.

mod confirm;
mod decide;
mod file;
mod read;
mod refusal;
mod used;

pub use confirm::{decline, find_confirmable, find_of_agent, find_repeat, record_confirmation};
pub use decide::{ApprovalVerdict, DecisionDraft, decide, too_new, withdraw, withdraw_all_of};
pub use file::{file, find_duplicate};
pub use read::{ApprovalListFilter, ApprovalListPage, PendingApprovalCounter, find, list};
pub use refusal::ApprovalRefusal;
pub use used::{find_usable, record_use};
