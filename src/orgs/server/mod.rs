//! The server's side of organizations.

mod actor;
mod bound;
mod legacy;
pub mod letters;
mod pages;
mod service;
mod store;

pub use actor::{
    Actor, Member, Visitor, Word, is_still_member, leave_refusal, leave_word, warn_of_token_in_address,
};
pub use bound::{Bound, refuse_other_org};
pub use legacy::{KeysLeft, Legacy, MadeKey};
pub use pages::routes;
pub use service::{
    CREATOR_GONE, Membership, Present, create, find, find_present, hold_member, places_of, present_role,
    set_up, sign_up, sweep, without_owner, work_in,
};
#[cfg(test)]
pub use store::members::FIRST_PAGE as MEMBERS_FIRST_PAGE;
pub use store::members::answerable;
