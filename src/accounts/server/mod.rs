//! The server's side of accounts.

mod pages;
mod password;
mod rules;
mod service;
mod sessions;
mod store;
mod throttle;
mod totp;

pub use pages::{doors, enter};
pub use service::{
    NewPerson, Person, SignedIn, hash_new_password, insert_person, new_setup_link, nobody_yet, person_of,
    print_reset_link, print_setup_link, set_enabled, setup_is_open, setup_refused, signed_in,
    spend_setup_link, sweep, work_in,
};
pub use sessions::{SessionStore, fingerprint, layer};
pub use throttle::Throttle;

#[cfg(test)]
pub use service::{find_person, remember_browser, start_session};
#[cfg(test)]
pub use store::sessions::FIND as FIND_SESSION;
#[cfg(test)]
pub use totp::code_now as totp_code;
