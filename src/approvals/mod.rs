//! Requests that a second person decides. A request is pending until somebody approves or denies it, its requester withdraws
//! it, or it expires; an approved request can be used once. This slice stores and decides requests. The slice that files a
//! request executes it (`server::ApprovalHandler`), and validates it again in full before it does.
//!
//! A request of an agent is different: any person who may do the same confirms it, also the one in whose name the agent
//! asked, and doing what is asked for is part of the confirmation.

mod model;
pub mod server;

pub use model::{
    ApprovalRequest, ApprovalState, CONFIRMATION_TIME, DECISION_TIME, MAX_PENDING, MAX_REASON_LENGTH,
    NewApproval, USE_TIME, agent_request_path, approval_path, is_of_agent,
};
