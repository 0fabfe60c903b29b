//! The address of the consent page.

use super::super::request::AuthorizationParameters;
use crate::shared::ReturnPath;

pub const PATH: &str = "/oauth/authorize";

/// The address of the page with a request.
pub fn address(parameters: &AuthorizationParameters) -> ReturnPath {
    let path = format!("{PATH}?{}", parameters.query());
    ReturnPath::parse(&path).unwrap_or_else(|| ReturnPath::or_home(PATH))
}
