//! Requests that a second person decides. A request is pending until somebody approves or denies it, its requester withdraws
//! it, or it expires; an approved request can be used once. This slice stores and decides requests. The slice that files a
//! request executes it (`server::ApprovalHandler`), and validates it again in full before it does.

mod model;
pub mod server;

pub use model::{
    ApprovalRequest, ApprovalState, DECISION_TIME, MAX_PENDING, MAX_REASON_LENGTH, NewApproval, USE_TIME,
    approval_path,
};
