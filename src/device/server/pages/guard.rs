//! Protects the approval page against links by strangers: forms contain a token of the session, a person with an old
//! session must sign in again, and the code must be typed if the device is in another network than the browser.

use std::net::IpAddr;

use axum::response::{IntoResponse, Redirect, Response};
use tower_sessions::Session;

use crate::accounts::server::sign_in_again;
use crate::orgs::server::Visitor;
use crate::platform::{App, Error, Secret};
use crate::shared::{LoginId, ReturnPath};

pub struct Guard<'a> {
    pub app: &'a App,
    pub visitor: &'a Visitor,
    /// The session's id, known only to the browser.
    session: Secret,
}

impl<'a> Guard<'a> {
    pub fn new(app: &'a App, visitor: &'a Visitor, session: &Session) -> Result<Self, Error> {
        let id = session.id().ok_or_else(|| Error::internal("a signed-in person has no session"))?;
        Ok(Self { app, visitor, session: Secret::new(id.to_string()) })
    }

    /// The token in every form of this page.
    pub fn token(&self) -> String {
        self.derived("form")
    }

    /// Proves to the next page that the code was typed in this session. A link from outside cannot contain it.
    pub fn mark(&self, login: LoginId) -> String {
        self.derived(&format!("typed {login}"))
    }

    /// A hash of the session's id and the purpose, which does not reveal the id.
    fn derived(&self, what: &str) -> String {
        Secret::new(format!("device authorization, {what}: {}", self.session.expose())).fingerprint()
    }

    pub fn check(&self, token: &str) -> Result<(), Error> {
        if is_same(token, &self.token()) {
            return Ok(());
        }
        let why = "This form was made for another session, so nothing was decided. Open the page again.";
        Err(Error::Forbidden(why.to_owned()))
    }

    pub fn is_marked(&self, login: LoginId, mark: &str) -> bool {
        is_same(mark, &self.mark(login))
    }

    pub fn must_sign_in_again(&self) -> bool {
        self.app.clock.now().since(self.visitor.since) > self.app.config.device.device_session_age
    }

    pub fn sign_in_again(&self, next: &ReturnPath) -> Response {
        Redirect::to(&sign_in_again(next)).into_response()
    }

    /// Returns true if the device is in another network than the browser.
    pub fn is_other_network(&self, device: &str) -> bool {
        !device.parse().is_ok_and(|device| same_network(device, self.visitor.visit.address))
    }
}

/// Compares the hashes, so that the time taken does not reveal where the texts differ.
fn is_same(one: &str, other: &str) -> bool {
    Secret::new(one).fingerprint() == Secret::new(other).fingerprint()
}

/// Returns true if both addresses are in the same /24 or /64. All loopback addresses are one network.
fn same_network(one: IpAddr, other: IpAddr) -> bool {
    match (one.to_canonical(), other.to_canonical()) {
        (one, other) if one.is_loopback() && other.is_loopback() => true,
        (IpAddr::V4(one), IpAddr::V4(other)) => one.octets()[..3] == other.octets()[..3],
        (IpAddr::V6(one), IpAddr::V6(other)) => one.octets()[..8] == other.octets()[..8],
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_compared_by_prefix() {
        for (one, other, same) in [
            ("203.0.113.7", "203.0.113.200", true),
            ("203.0.113.7", "203.0.114.7", false),
            ("::ffff:203.0.113.7", "203.0.113.9", true),
            ("2001:db8::1", "2001:db8::ffff:1", true),
            ("2001:db8:0:1::1", "2001:db8:0:2::1", false),
            ("203.0.113.7", "2001:db8::1", false),
            ("127.0.0.1", "::1", true),
        ] {
            let address = |text: &str| text.parse().expect("an address");
            assert_eq!(same_network(address(one), address(other)), same, "{one} {other}");
        }
    }
}
