//! All SQL of accounts.

pub mod factors;
pub mod links;
pub mod sessions;
pub mod users;
