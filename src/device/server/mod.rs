//! The server's side of device authorization.

mod clients;
mod codes;
mod limits;
mod oauth;
mod pages;
mod polls;
mod service;
mod store;

pub use limits::Limits;
pub use pages::Listed;
pub use polls::Polls;
pub use service::{
    Answer, Begun, Granted, NotBegun, Poll, Request, begin, pending, poll, sweep, verification_uri,
    verification_uri_complete,
};
pub use store::Wire;

use crate::platform::http::Routes;

pub fn routes() -> Routes {
    pages::routes().merge(oauth::routes())
}
