//! The address of the approval page and its query.

use serde::Deserialize;

use crate::device::UserCode;
use crate::shared::ReturnPath;

pub const HERE: &str = "/auth/device";

/// The query of a link to this page. Other parameters are ignored.
#[derive(Deserialize)]
pub struct LoginQuery {
    #[serde(default)]
    pub code: String,
    /// An organization's id or its exact name.
    #[serde(default)]
    pub org: String,
    /// Proof that the code was typed in this session.
    #[serde(default)]
    pub mark: String,
}

/// The approval page of a code.
pub fn address(code: Option<&UserCode>, org: &str, mark: &str) -> ReturnPath {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    if let Some(code) = code {
        query.append_pair("code", &code.to_string());
    }
    for (name, value) in [("org", org), ("mark", mark)] {
        if !value.is_empty() {
            query.append_pair(name, value);
        }
    }
    let query = query.finish();
    let here = if query.is_empty() { HERE.to_owned() } else { format!("{HERE}?{query}") };
    ReturnPath::parse(&here).unwrap_or_else(|| ReturnPath::or_home(HERE))
}
