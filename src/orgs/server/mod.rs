//! The server's side of organizations.

mod actor;
mod bound;
pub mod letters;
mod live;
mod offboarding;
pub mod page_frame;
mod pages;
mod problem_frame;
mod second_owner;
mod service;
mod store;
mod waiting;

pub use actor::{Actor, Member, Visitor};
pub use bound::{BoundForms, refuse_other_org};
pub use live::{OpenStreams, end_streams_without_access};
pub use offboarding::{CreatedKey, KeyOffboarding, Offboarding};
pub use pages::routes;
pub use problem_frame::add_frame;
pub use second_owner::{
    RoleTenure, SecondOwner, SecondOwnerNeed, role_tenure, second_owner, second_owner_in_tx,
};
pub use service::{
    CREATOR_GONE, CurrentMember, MemberSummary, Membership, create, find, find_current_member,
    lock_and_read_member, lock_and_read_role, memberships_with_counts, search_members, set_plan, set_up,
    sign_up, sweep, switch_org, without_owner,
};
#[cfg(test)]
pub use store::members::FIRST_PAGE as MEMBERS_FIRST_PAGE;
pub use store::members::{
    OrgManager, emails_of_managers, emails_of_owners_and, managers, responsible_emails, responsible_people,
};
pub use waiting::{RegisteredCounter, WaitingCounter};
