//! The server's side of accounts.

mod devices;
pub mod letters;
mod oauth;
mod pages;
mod password;
mod rules;
mod service;
mod sessions;
mod store;
mod throttle;
mod totp;

pub use devices::{DeviceLogins, Devices, LoggedInDevice};
pub use oauth::{Discoveries, Identity};
pub use pages::{Offered, ProviderButtons, enter, offered, routes, sign_in_again};
pub use service::{
    NewPerson, Person, SignedIn, add_identity, choose_org, confirmed_address, find_any_person, find_id,
    find_person, hash_new_password, insert_person, names, new_setup_link, nobody_yet, person_of,
    print_reset_link, print_setup_link, proven_identity, providers_of, session_stands, set_enabled,
    setup_is_open, setup_link_printed_at, setup_refused, sign_up_refused, signed_in, spend_setup_link,
    spend_sign_up_link, sweep,
};
pub use sessions::{SessionStore, explain_unsaved, layer};
pub use store::sessions::fingerprint;
pub use throttle::Throttle;

#[cfg(test)]
pub use service::{remember_browser, start_session};
#[cfg(test)]
pub use store::sessions::FIND as FIND_SESSION;
#[cfg(test)]
pub use totp::code_now as totp_code;
