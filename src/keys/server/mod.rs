//! The server's side of keys.

mod checking;
mod ending;
mod first_check;
mod hash;
mod jobs;
mod key;
mod left;
mod letters;
mod memory;
mod minute;
mod minutes;
mod pages;
mod proven;
mod service;
mod state;
mod store;
mod token;
mod tries;
mod verify;
mod wrong;

pub use jobs::{
    catch_up, count_all, first_call, is_current, keep_up, measure, prepare, settle, sweep, write_usage,
};
#[cfg(test)]
pub use jobs::{flush, settle_within};
pub use key::{Key, Login};
pub use left::Left;
pub use memory::Memory;
pub use minute::Rate;
pub use pages::routes;
pub use service::{
    Asks, Draft, Edit, LONGEST_OVERLAP, LoginWish, MOST_COUNTED, Minted, Refusal, Revealed, children, count,
    create, creators, disable, edit, enable, end_logins, extend, find, find_by_secret, finish, list, log_in,
    logins_of, makers, may_manage, may_renew, mint, name_key, read_ranges, replace, require_to_lend,
    require_to_manage, require_to_renew, revoke, rotate, secrets,
};
pub use store::{Filter, Order, Page, Position, SecretUse};
pub use token::{PATTERN, Token};
#[cfg(test)]
pub use token::{forged_token, fresh_token};
pub use verify::{From, Kinds, Proven, Verdict, Wanted, verify, verify_at_once};
