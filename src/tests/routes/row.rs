//! A row of the table: a request, and the status that each caller gets.

use axum::http::Method;

use super::caller::Caller;

pub struct Row {
    pub method: &'static str,
    pub route: &'static str,
    /// Of the route, with names of objects such as `<key>`. Empty when the route has no parameters.
    address: &'static str,
    pub body: Body,
    pub access: Access,
    /// The request changes nothing in the organization that the objects belong to, although the status may be that of a success.
    pub harmless: bool,
}

/// Values contain names of objects such as `<key>`.
pub enum Body {
    Empty,
    /// The form of a page. The caller's organization is added.
    Form(&'static [(&'static str, &'static str)]),
    Json(&'static str),
}

/// The status for each caller. Five numbers are for viewer, member, admin, owner and the owner of another organization.
pub enum Access {
    Everybody(u16),
    /// Keys are ignored: a caller with a key is not signed in.
    SignedOutOrIn(u16, u16),
    /// For people who are signed in; all others are sent to the sign-in page.
    People([u16; 5]),
    /// For keys; all others get a 401.
    Keys([u16; 5]),
    /// A key is not needed, but an invalid one is refused with a 401.
    UnlessKeyIsInvalid(u16),
    /// Credentials in the header `Authorization` are refused with a 401.
    UnlessAuthorized(u16),
}

impl Access {
    pub fn status(&self, caller: Caller) -> u16 {
        match self {
            Self::Everybody(status) => *status,
            Self::SignedOutOrIn(signed_out, signed_in) => {
                if caller.session_column().is_some() {
                    *signed_in
                } else {
                    *signed_out
                }
            }
            Self::People(statuses) => caller.session_column().map_or(303, |column| statuses[column]),
            Self::Keys(statuses) => caller.key_column().map_or(401, |column| statuses[column]),
            Self::UnlessKeyIsInvalid(status) => {
                if caller.has_invalid_key() {
                    401
                } else {
                    *status
                }
            }
            Self::UnlessAuthorized(status) => {
                if caller.key_column().is_some() || caller.has_invalid_key() {
                    401
                } else {
                    *status
                }
            }
        }
    }
}

impl Row {
    pub fn address(&self) -> &'static str {
        if self.address.is_empty() { self.route } else { self.address }
    }

    pub fn method(&self) -> Method {
        self.method.parse().expect("a method")
    }

    pub fn content_type(&self) -> &'static str {
        match self.body {
            Body::Json(_) => "application/json",
            Body::Empty | Body::Form(_) => "application/x-www-form-urlencoded",
        }
    }

    pub const fn harmless(self) -> Self {
        Self { harmless: true, ..self }
    }

    /// Whether the caller's request must leave the organization that the objects belong to as it is.
    pub fn changes_nothing_for(&self, caller: Caller) -> bool {
        let is_foreign = match self.access {
            Access::People(_) => !matches!(caller, Caller::Session(_)),
            Access::Keys(_) => !matches!(caller, Caller::Key(_)),
            _ => false,
        };
        is_foreign || self.harmless || self.access.status(caller) >= 400
    }

    pub fn is_change(&self) -> bool {
        self.method != "GET"
    }
}

pub const fn get(route: &'static str, address: &'static str, access: Access) -> Row {
    Row { method: "GET", route, address, body: Body::Empty, access, harmless: false }
}

pub const fn form(
    route: &'static str,
    address: &'static str,
    fields: &'static [(&'static str, &'static str)],
    access: Access,
) -> Row {
    Row { method: "POST", route, address, body: Body::Form(fields), access, harmless: false }
}

pub const fn json(
    method: &'static str,
    route: &'static str,
    address: &'static str,
    body: &'static str,
    access: Access,
) -> Row {
    Row { method, route, address, body: Body::Json(body), access, harmless: false }
}
