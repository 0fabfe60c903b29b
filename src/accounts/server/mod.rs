//! The server's side of accounts.

mod devices;
pub mod letters;
mod metrics;
mod oauth;
mod pages;
mod password;
mod rules;
mod service;
mod session_person;
mod sessions;
mod store;
mod throttle;
mod totp;

pub use devices::{DeviceLogins, Devices, LoggedInDevice};
pub use metrics::AccountMetrics;
pub use oauth::{Discoveries, Provider, ProviderIdentity};
pub use pages::{
    ProviderButton, ProviderButtons, browser, complete_sign_in, provider_buttons, routes, set_browser_cookie,
    sign_in_again, start_link,
};
pub use service::{
    LetterRecipient, NewPerson, Person, ProfileChange, Recovery, SignedIn, SubmittedCode, UnlinkOutcome,
    add_identity, begin_factor, change_password, change_stored, choose_letters, choose_org, confirm_factor,
    confirm_password, confirmed_address, end_other_sessions, end_session, end_this_session, find_any_person,
    find_id, find_person, hash_new_password, identities_of, insert_person, is_recovery_code,
    is_session_valid, keep_session, letter_recipient, names, needs_setup, new_recovery_codes, new_session,
    new_setup_link, permit_link, person_of, print_reset_link, print_setup_link, proven_identity, provider_of,
    providers_of, remove_factor, rename, sessions_of, set_enabled, setup_is_open, setup_link_printed_at,
    setup_refused, sign_up_refused, signed_in, spend_setup_link, spend_sign_up_link, sweep, unlink,
    unused_recovery_codes, unwanted_letters,
};
pub use sessions::{SessionStore, explain_unsaved, is_refresh, layer, mark_refresh};
pub use store::sessions::{SessionSummary, fingerprint};
pub use throttle::Throttle;
pub use totp::{address as totp_address, is_secret as is_totp_secret};

#[cfg(test)]
pub use service::{remember_browser, start_session};
#[cfg(test)]
pub use store::sessions::FIND as FIND_SESSION;
#[cfg(test)]
pub use totp::code_now as totp_code;
