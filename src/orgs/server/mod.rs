//! The server's side of organizations.

mod actor;
mod pages;
mod service;
mod store;

pub use actor::{Actor, Visitor, leave_word};
pub use pages::doors;
pub use service::{Membership, create, rename, set_up};
