//! The server's side of device authorization.

mod clients;
mod codes;
mod limits;
mod metrics;
mod oauth;
pub mod oauth_wire;
mod pages;
mod polls;
mod service;
mod store;

pub use clients::name_of as client_name;
pub use limits::LoginLimits;
pub use metrics::DeviceMetrics;
pub use oauth::{DEVICE_CODE_GRANT, poll_token};
pub use pages::LoginDevices;
pub use polls::Polls;
pub use service::{
    BeginLogin, BeginLoginError, CollectedKey, Poll, PollError, StartedLogin, begin, poll, sweep,
    verification_uri, verification_uri_complete,
};
pub use store::LoginProtocol;

use crate::platform::http::Routes;

pub fn routes() -> Routes {
    pages::routes().merge(oauth::routes())
}
